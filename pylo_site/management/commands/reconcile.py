"""`manage.py reconcile`: compare records, ledger, rollups, invoices, payments and Redis.

Exit status 1 where numbers do not, 3 where all that was compared does and something could not be.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.payments import chosen
from pylo_site import reconciling
from pylo_site.purse_states import RedisPurses

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

INCOMPLETE = 3


class Command(BaseCommand):
    help = "Compare records, ledger, rollups, invoices, their roots, the provider's payments and what Redis has."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--progress", action="store_true", help="tell of each step, as on a terminal")
        parser.add_argument(
            "--days",
            type=int,
            default=reconciling.DAYS,
            help="how far back payments are asked for and CSVs are verified (40)",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's
        means = reconciling.Means(
            provider=chosen.provider(),
            purses=RedisPurses(),
            write=self.stderr.write,
            seconds=time.monotonic,
            sleep=time.sleep,
            always=options["progress"] or self.stderr.isatty(),
        )
        outcome = reconciling.run(
            means, timezone.now(), days=options["days"], found=lambda finding: self.stdout.write(str(finding))
        )
        for line in (*outcome.notes, *outcome.not_compared):
            self.stderr.write(line)
        if outcome.findings:
            raise CommandError(f"{len(outcome.findings)} numbers do not agree.")
        if outcome.not_compared:
            raise CommandError("All that was compared agrees; not everything was.", returncode=INCOMPLETE)
        self.stdout.write("All numbers agree.")
