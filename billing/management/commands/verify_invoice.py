"""`manage.py verify_invoice PYLO-2026-000042`: is the invoice what its records say? Exit status 1 when it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from billing import verification
from billing.models import Invoice

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Recompute an invoice from its records: receipts, root, lines, total and PDF; name what does not hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number")

    def handle(self, *args: Any, number: str, **options: Any) -> None:  # noqa: ARG002 - Django's
        invoice = Invoice.objects.filter(number=number).first()
        if invoice is None:
            raise CommandError(f"There is no invoice {number}.")

        def tell(done: int) -> None:
            self.stderr.write(f"{done:,} of {invoice.requests:,} requests")

        found = 0
        for found, finding in enumerate(verification.findings(invoice, tell), start=1):  # noqa: B007 - counted
            self.stdout.write(f"{number}: {finding}")
        if found:
            raise CommandError(f"{number}: {found} things do not hold.")
        self.stdout.write(f"{number}: {invoice.requests:,} requests, root {invoice.merkle_root}: all of it holds.")
