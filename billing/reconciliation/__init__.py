"""Do the numbers agree? Each check names the rows that do not. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from billing import partitions, rollup
from billing.periods import hour_of
from billing.reconciliation import invoices, ledger, records
from billing.reconciliation.check import Check, Finding
from gateway.usage import CHARGED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

CHECKS = (*ledger.CHECKS, *records.CHECKS, *invoices.CHECKS)


def findings(now: datetime) -> Iterator[tuple[Check, list[Finding]]]:
    """Make check after check, and give each with what it found. One check is one statement: one snapshot."""
    mark = rollup.complete_up_to(now)
    # Without rollups both moments are NULL: no hour is complete, and none is compared.
    asked = {
        "complete": hour_of(mark).start if mark else None,
        "settled": mark - rollup.OVERLAP if mark else None,
        "kept": partitions.kept_since(),
        "charged": [outcome.value for outcome in sorted(CHARGED)],
    }
    for check in CHECKS:
        with connection.cursor() as cursor:
            cursor.execute(check.sql, asked)
            rows = cursor.fetchall()
        yield check, [Finding(check.name, about, int(expected), int(found)) for about, expected, found in rows]
