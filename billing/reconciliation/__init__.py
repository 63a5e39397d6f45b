"""Do the numbers agree? Each step names the rows that do not. Reads only."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import connection

from billing import partitions, rollup
from billing.periods import hour_of
from billing.pricing import CHARGED_OUTCOMES
from billing.reconciliation import invoices, ledger, records
from billing.reconciliation.check import Check, Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

CHECKS = (*ledger.CHECKS, *records.CHECKS, *invoices.CHECKS)


def findings(now: datetime) -> Iterator[tuple[Check, list[Finding]]]:
    """Make check after check, and give each with what it found. One check is one statement: one snapshot."""
    asked = _asked(now)
    for check in CHECKS:
        yield check, _made(check, asked)


def steps(now: datetime) -> list[Step]:
    """Return the checks as steps, none of them made yet."""
    asked = _asked(now)
    return [Step(check.name, partial(_made, check, asked)) for check in CHECKS]


def _asked(now: datetime) -> Mapping[str, Any]:
    mark = rollup.complete_up_to(now)
    # Without rollups both moments are NULL: no hour is complete, and none is compared.
    return {
        "complete": hour_of(mark).start if mark else None,
        "settled": mark - rollup.OVERLAP if mark else None,
        "kept": partitions.kept_since(),
        "charged": CHARGED_OUTCOMES,
    }


def _made(check: Check, asked: Mapping[str, Any]) -> list[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(check.sql, asked)
        rows = cursor.fetchall()
    return [Finding(check.name, about, int(expected), int(found)) for about, expected, found in rows]
