"""Integer nano-dollars in, cents or text out. All rounding of money is here: downwards, but of tax half a cent up."""

from __future__ import annotations

NANOS_PER_DOLLAR = 1_000_000_000
NANOS_PER_CENT = 10_000_000
CENTS_PER_DOLLAR = 100
TOKENS_PER_MILLION = 1_000_000
MILLION = 1_000_000
SIGNIFICANT_DIGITS = 7
MINUS = "−"


def dollars(nanos: int) -> str:
    """Show an amount as people read it: two decimals from $1 on, up to seven significant digits below.

    What is cut off is cut towards zero, so neither a balance nor a debt ever looks larger than it is.
    """
    size = abs(nanos)
    if size >= NANOS_PER_DOLLAR:
        return _signed(nanos, _text(size - size % NANOS_PER_CENT))
    unit = 10 ** max(0, len(str(size)) - SIGNIFICANT_DIGITS)
    return _signed(nanos, _text(size - size % unit))


def exact(nanos: int) -> str:
    """Show every digit there is, and at least two decimals: "$2.0026019"."""
    return _signed(nanos, _text(abs(nanos)))


def cents(amount: int) -> str:
    return exact(amount * NANOS_PER_CENT)


def per_million(nanos_per_token: int) -> str:
    """Show a price as price lists do, by the million tokens: 900 is "$0.90"."""
    return exact(nanos_per_token * TOKENS_PER_MILLION)


def per_token(nanos: int) -> str:
    """Spell a price in dollars a token as a plain decimal, as catalogues of models do: 900 is "0.0000009"."""
    whole, rest = divmod(nanos, NANOS_PER_DOLLAR)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")


def thousands(number: int) -> str:
    return f"{number:,}"


def floor_cents(exact_nanos: int, carried: int) -> tuple[int, int]:
    """Round down to whole cents what is due with what was carried; return the cents and the nano-dollars left over."""
    if not 0 <= carried < NANOS_PER_CENT:
        raise ValueError(f"what is carried is less than a cent and not negative: {carried}")
    return divmod(exact_nanos + carried, NANOS_PER_CENT)


def whole_cents(nanos: int) -> int:
    """Return the whole cents that an amount pays for; a debt pays for none."""
    return max(0, nanos // NANOS_PER_CENT)


def share(amount: int, millionths: int) -> int:
    """Return so many millionths of an amount, half a unit up; neither is negative."""
    return (amount * millionths + MILLION // 2) // MILLION


def _text(size: int) -> str:
    whole, rest = divmod(size, NANOS_PER_DOLLAR)
    return f"${whole:,}.{f'{rest:09d}'.rstrip('0').ljust(2, '0')}"


def _signed(nanos: int, text: str) -> str:
    return MINUS + text if nanos < 0 else text
