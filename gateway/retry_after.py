"""What an upstream's Retry-After says, in either of its two forms (RFC 9110 section 10.2.3). Pure."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from math import ceil

LONGEST_SECONDS = 60
MOST_DIGITS = 9  # Python refuses to read a number of thousands


def seconds(value: bytes, now_ms: int) -> int:
    """Return how long to wait, a minute at most; 0 where none is named: absent, past or nonsense.

    `now_ms`: milliseconds since the Unix epoch.
    """
    text = value.strip()
    if text.isdigit():
        return LONGEST_SECONDS if len(text) > MOST_DIGITS else min(int(text), LONGEST_SECONDS)
    try:
        moment = parsedate_to_datetime(text.decode("latin-1")).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0
    return min(max(ceil(moment - now_ms / 1000), 0), LONGEST_SECONDS)
