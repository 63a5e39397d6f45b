"""`manage.py rebuild_rollups --from 2026-10-01 --to 2026-11-01`: count usage anew from the records, day by day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from billing import rollup
from billing.periods import Period

if TYPE_CHECKING:
    from argparse import ArgumentParser


def moment(text: str) -> datetime:
    """Read '2026-10-01' or '2026-10-01T14:00', as UTC."""
    parsed = datetime.fromisoformat(text)
    try:
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


class Command(BaseCommand):
    help = "Count usage anew from the request records, and put it in place of the rollups. Safe at any time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="start", type=moment, required=True, help="the first moment, in UTC")
        parser.add_argument("--to", dest="end", type=moment, required=True, help="the moment to stop before, in UTC")

    def handle(self, *args: Any, start: datetime, end: datetime, **options: Any) -> None:  # noqa: ARG002 - Django's
        if start >= end:
            raise CommandError("--from must be before --to")
        days = list(Period(start, end).days())
        rows = 0
        for number, day in enumerate(days, start=1):
            rows += rollup.recompute(day)
            self.stderr.write(f"{number} of {len(days)} days: {day.start:%Y-%m-%d}, {rows} rollups so far")
        self.stdout.write(f"{rows} rollups from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC")
