"""Numbers of documents, without gaps (rule 28). A row moves in the transaction that issues, never a SEQUENCE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from datetime import datetime

INVOICE, CREDIT_NOTE = "PYLO", "PYLO-CN"
_NEXT = """
INSERT INTO billing_invoiceseries (name, last) VALUES (%s, 1)
ON CONFLICT (name) DO UPDATE SET last = billing_invoiceseries.last + 1
RETURNING last
"""


def following(series: str, now: datetime) -> str:
    """Take the next number of the year. The row stays locked until the transaction ends, so a failure leaves no gap."""
    name = f"{series}-{now.year}"
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [name])
        (number,) = cursor.fetchone() or (0,)
    return f"{name}-{number:06d}"
