"""What `bin/bench ledger` measures, one part after the other; each says its line as soon as it has one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
from django.db import connection, connections
from django.utils import timezone

from bench import ledger_journal, ledger_pages, ledger_rows, ledger_shipping
from bench.ledger_figures import MEDIAN, Latency, Page, latency_line, number, page_line, percentile, rate_line
from bench.ledger_progress import ticking
from billing import budgets, invoicing, rollup
from billing.models import BudgetPeriod, Invoice
from billing.periods import hour_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from bench.ledger_rows import Loaded

JOURNAL_SECONDS = 5.0  # for each row
SHIPPED = 100_000  # records, at most, for each number of workspaces
LOADING = 0.5  # of the time there is
AGAIN = 5
INVOICED = timedelta(days=3)  # of the thirty


@dataclass(frozen=True, slots=True)
class Run:
    """`until` is a moment of the monotonic clock."""

    url: str
    folder: Path
    records: int
    until: float

    @property
    def left(self) -> float:
        return max(self.until - time.monotonic(), 1.0)


class Rate(msgspec.Struct, frozen=True):
    part: str
    what: str
    records: int
    seconds: float


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What is written to the file."""

    journal: list[Latency]
    note_ns: float
    rates: list[Rate]
    pages: list[Page]


def measure(run: Run) -> Results:
    now = timezone.now()
    _bound(run)
    journal = list(_journal(run))
    note_ns = ledger_journal.note_ns(run.folder)
    print(f"journal   PROGRESS                {number(note_ns)} ns for each forward", flush=True)
    rates = [_told(rate) for rate in _shipper(run)]
    loaded = ledger_rows.load(run.url, run.records, now, time.monotonic() + run.left * LOADING)
    with ticking("vacuum"):
        ledger_rows.settle_down(run.url)
    rates.append(_told(Rate("loaded", "by Postgres, no triggers", loaded.records, loaded.seconds)))
    rates += [_told(rate) for rate in _rollups(loaded, now)]
    rates += [_told(rate) for rate in _invoice(run, loaded, now)]
    budgets.put(
        workspace=loaded.workspace, key=None, period=BudgetPeriod.MONTH, limit_nanos=10**15, by=loaded.owner, at=now
    )
    pages = []
    for page in ledger_pages.measure(loaded, run.until):
        print(page_line(page), flush=True)
        pages.append(page)
    connections.close_all()
    return Results(journal=journal, note_ns=note_ns, rates=rates, pages=pages)


def _bound(run: Run) -> None:
    """Let Postgres end what would take longer than there is time for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, false)", [f"{run.left:.0f}s"])


def _journal(run: Run) -> Iterator[Latency]:
    seconds = min(JOURNAL_SECONDS, run.left / 60)
    bare = None
    for each in ledger_journal.measure(run.folder, seconds):
        bare = bare or each
        print(latency_line(each, bare), flush=True)
        yield each


def _shipper(run: Run) -> Iterator[Rate]:
    for each in ledger_shipping.measure(run.folder, min(SHIPPED, run.records)):
        yield Rate("shipper", f"of {each.workspaces} workspaces", each.records, each.seconds)


def _rollups(loaded: Loaded, now: datetime) -> Iterator[Rate]:
    with ticking("rollup of all hours"):
        yield Rate("rollup", "of all hours, from nothing", loaded.records, _seconds(lambda: rollup.catch_up(now)))
    hour = hour_of(now - timedelta(hours=1))
    again = [_seconds(lambda: rollup.recompute(hour)) for _ in range(AGAIN)]
    yield Rate("rollup", "of one hour, again", loaded.records // (30 * 24), percentile(again, MEDIAN))
    again = [_seconds(lambda: rollup.catch_up(timezone.now())) for _ in range(AGAIN)]
    yield Rate("rollup", "the run of each minute", loaded.records // (30 * 24) * 2, percentile(again, MEDIAN))


def _invoice(run: Run, loaded: Loaded, now: datetime) -> Iterator[Rate]:
    """Issue the largest workspace's invoice of the first days; the rest stays open."""
    until = loaded.start + INVOICED
    with ticking("invoice"):
        took = _seconds(lambda: invoicing.issue(workspace=loaded.workspace, until=until, now=now))
        ledger_rows.settle_down(run.url)
    requests = Invoice.objects.filter(workspace=loaded.workspace).values_list("requests", flat=True)[0]
    yield Rate("invoice", "of the largest workspace, 3 days", requests, took)


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def _told(rate: Rate) -> Rate:
    print(rate_line(rate.part, rate.what, rate.records, rate.seconds), flush=True)
    return rate
