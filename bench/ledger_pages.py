"""The portal's pages as their reader asks for them: what each takes of the database, warm."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection
from django.test import Client

from bench.ledger_figures import MEDIAN, Page, percentile
from billing.models import Invoice, RequestRecord
from billing.reports import evidence, invoices
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.ledger_rows import Loaded

WARM, ASKED = 2, 9
LONGEST = 15.0  # seconds for one page's asking
OK = 200
TOLD = 160  # characters of a statement


@dataclass(slots=True)
class _Watch:
    """Times every statement, its rows fetched."""

    took: list[tuple[float, str]] = field(default_factory=list)

    def __call__(self, execute: Callable[..., Any], sql: str, params: object, many: object, context: object) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.took.append((time.perf_counter() - began, sql))


def addresses(loaded: Loaded) -> dict[str, str]:
    """Return every page to ask for, by the name it is told under."""
    records = RequestRecord.objects.filter(workspace=loaded.workspace)
    middle = loaded.start + timedelta(days=15)
    deep = records.filter(admitted_at__gte=middle).order_by("admitted_at").values_list("uid", flat=True)[0]
    last = records.order_by("-admitted_at").values_list("uid", flat=True)[0]
    key, since = loaded.key.id, f"{middle:%Y-%m-%dT%H:%M:%SZ}"
    found = {
        "overview": "/overview/",
        "usage, 24 hours": "/usage/?window=24h",
        "usage, 7 days": "/usage/?window=7d",
        "usage, 30 days": "/usage/?window=30d",
        "usage, this month": "/usage/?window=month",
        "usage, 30 days of a key": f"/usage/?window=30d&key={key}",
        "requests": "/requests/",
        "requests, older, 15 days back": f"/requests/?before={deep}",
        "requests, charged": "/requests/?outcome=charged",
        "requests, not charged": "/requests/?outcome=free",
        "requests, broken off (1 in 10 007)": "/requests/?outcome=upstream_cut",
        "requests, stalled (none)": "/requests/?outcome=stalled",
        "requests, of a key": f"/requests/?key={key}",
        "requests, of a key, not charged": f"/requests/?key={key}&outcome=free",
        "requests, by id": f"/requests/?id=req_{deep}",
        "requests, by an id there is not": "/requests/?id=nobody",
        "requests, since and until": f"/requests/?since={since}&until={since}",
        "one request": f"/requests/{last}/",
        "billing": "/billing/",
        "budgets": "/billing/budgets/",
        "keys": "/keys/",
        "invoices": "/invoices/",
    }
    number = Invoice.objects.filter(workspace=loaded.workspace).values_list("number", flat=True).first()
    if number:
        paid = records.filter(invoice__number=number).values_list("uid", flat=True)[0]
        found |= {
            "requests, of an invoice": f"/requests/?invoice={number}",
            "one request, with its proof": f"/requests/{paid}/",
            "one invoice": f"/invoices/{number}/",
        }
    return found


def measure(loaded: Loaded, until: float) -> Iterator[Page]:
    """Yield each page's figures; those that there is no time for are left out."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(loaded.owner)
    with patch.object(staticfiles_storage, "url", lambda name: f"/static/{name}"):
        for name, address in addresses(loaded).items():
            yield _asked(name, partial(_get, client, address), until)
    number = Invoice.objects.filter(workspace=loaded.workspace).values_list("number", flat=True).first()
    if number:
        yield _asked("an invoice's CSV, two pieces", lambda: _two_pieces(loaded, number), until)


def _get(client: Client, address: str) -> None:
    answer = client.get(address)
    if answer.status_code != OK:
        raise Trouble(f"{address} was answered with {answer.status_code}")


def _two_pieces(loaded: Loaded, number: str) -> None:
    """Read the first rows that are sent, in this thread, where their statements are watched, and those after them."""
    records = invoices.requests(loaded.workspace, number)
    if records is not None:
        first = list(records[: evidence.CHUNK])
        for one in (*first, *records.filter(uid__gt=first[-1].uid)[: evidence.CHUNK]):
            evidence.cells(one)


def _asked(name: str, ask: Callable[[], None], until: float) -> Page:
    whole: list[float] = []
    database: list[float] = []
    watch = _Watch()
    over = min(time.monotonic() + LONGEST, until)
    for number in range(WARM + ASKED):
        watch = _Watch()
        began = time.perf_counter()
        with connection.execute_wrapper(watch):
            ask()
        took = time.perf_counter() - began
        late = time.monotonic() > over
        if number >= WARM or late:  # a page that takes too long is told by what it took cold
            whole.append(took)
            database.append(sum(seconds for seconds, _ in watch.took))
        if late:
            break
    return Page(
        name=name,
        queries=len(watch.took),
        database_ms=percentile(database, MEDIAN) * 1000,
        database_most_ms=max(database) * 1000,
        whole_ms=percentile(whole, MEDIAN) * 1000,
        slowest=_slowest(watch.took),
    )


def _slowest(took: Sequence[tuple[float, str]]) -> str:
    seconds, sql = max(took)
    return f"{seconds * 1000:.0f} ms, {' '.join(sql.split())[:TOLD]}"
