"""`manage.py margin`: what each upstream took of us in a month, and what its answers were sold for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing import money
from billing.periods import month_of
from gateway.config import UpstreamsError
from pylo_site import margins

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from billing.periods import Period
    from pylo_site.margins import Margin

HEADS = ("upstream", "requests", "tokens in", "cached", "out", "charged", "waived", "cost to us", "margin")


class Command(BaseCommand):
    help = "Show what each upstream took of us and what its answers were sold for, by the costs in the upstreams' file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", help="of UTC, as 2026-11; this one by default")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's
        period = _period(options["month"])
        try:
            found = margins.margins(period, margins.costs())
        except UpstreamsError as error:
            raise CommandError(str(error)) from None
        rows = [HEADS, *(_row(margin) for margin in found)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
        self.stdout.write(f"{period.start:%Y-%m}, UTC")
        for row in rows:
            self.stdout.write("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        for margin in found:
            if margin.margin_nanos is not None and margin.margin_nanos < 0:
                self.stderr.write(f"{margin.upstream} took more than its answers were sold for.")


def _period(month: str | None) -> Period:
    if month is None:
        return month_of(timezone.now())
    try:
        return month_of(datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC))
    except ValueError:
        raise CommandError(f"{month!r} is no month: give one as 2026-11.") from None


def _row(margin: Margin) -> tuple[str, ...]:
    counts = (margin.requests, margin.prompt_tokens, margin.cached_tokens, margin.completion_tokens)
    nanos = (margin.charged_nanos, margin.waived_nanos, margin.cost_nanos, margin.margin_nanos)
    sums = (money.exact(each) if each is not None else "not given" for each in nanos)
    return (margin.upstream, *map(money.thousands, counts), *sums)
