"""Amounts as they are spelled: nano-dollars in dollars, exactly. Pure."""

from __future__ import annotations

from typing import Final

NANO_DIGITS: Final = 9


def dollars(nanos: int, least_decimals: int = 0) -> str:
    """Spell nano-dollars in dollars without an exponent and without a float: 900 is 0.0000009."""
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    whole, rest = divmod(nanos, 10**NANO_DIGITS)
    decimals = f"{rest:0{NANO_DIGITS}d}".rstrip("0").ljust(least_decimals, "0")
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"
