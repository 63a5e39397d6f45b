"""`manage.py reconcile`: do records, ledger, rollups, invoices and payments agree? Exit status 1 when they do not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing import reconciliation
from billing.payments import chosen
from billing.payments.provider import PaymentError
from billing.reconciliation import payments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.management.base import CommandParser

    from billing.reconciliation.check import Finding


class Command(BaseCommand):
    help = "Compare records, ledger, rollups, invoices and the provider's payments, and name what does not agree."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=40, help="how far back payments are asked for (40)")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's
        found = 0
        for number, (check, findings) in enumerate(reconciliation.findings(timezone.now()), start=1):
            found += self._tell(f"{number} of {len(reconciliation.CHECKS)}: {check.name}", findings)
        found += self._payments(options["days"])
        if found:
            raise CommandError(f"{found} numbers do not agree.")
        self.stdout.write("All numbers agree.")

    def _payments(self, days: int) -> int:
        provider = chosen.provider()
        if provider is None:
            return 0
        try:
            findings = payments.findings(provider, since=timezone.now() - timedelta(days=days))
        except PaymentError as error:
            raise CommandError(f"The payment provider cannot be asked ({error}): run it again.") from None
        return self._tell(payments.NAME, findings)

    def _tell(self, name: str, findings: Sequence[Finding]) -> int:
        self.stderr.write(f"{name}: {f'{len(findings)} disagree' if findings else 'agrees'}")
        for finding in findings:
            self.stdout.write(str(finding))
        return len(findings)
