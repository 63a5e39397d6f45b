"""Comma-separated values that a spreadsheet opens as they are: no cell of ours is ever run as a formula."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

from billing.money import NANOS_PER_DOLLAR

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def lines(rows: Iterable[tuple[str | int | None, ...]]) -> str:
    """Write the rows, each ended by CRLF (RFC 4180)."""
    text = StringIO()
    csv.writer(text).writerows(tuple(map(cell, row)) for row in rows)
    return text.getvalue()


def cell(value: str | int | None) -> str:
    """Return the text of a cell; text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return str(value)


def usd(nanos: int) -> str:
    """Spell an amount for a machine, to the nano-dollar: 2601900 is 0.002601900."""
    sign = "-" if nanos < 0 else ""
    whole, rest = divmod(abs(nanos), NANOS_PER_DOLLAR)
    return f"{sign}{whole}.{rest:09d}"
