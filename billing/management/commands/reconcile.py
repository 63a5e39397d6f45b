"""`manage.py reconcile`: do records, balances, rollups and invoices say the same? Exit status 1 when they do not."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing import reconciliation


class Command(BaseCommand):
    help = "Compare records, balances, rollups and invoices with each other, and name what does not agree."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's
        found = 0
        for number, (check, findings) in enumerate(reconciliation.findings(timezone.now()), start=1):
            found += len(findings)
            said = f"{len(findings)} disagree" if findings else "agrees"
            self.stderr.write(f"{number} of {len(reconciliation.CHECKS)}: {check.name}: {said}")
            for finding in findings:
                self.stdout.write(str(finding))
        if found:
            raise CommandError(f"{found} numbers do not agree.")
        self.stdout.write("All numbers agree.")
