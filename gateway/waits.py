"""How long a client is told to wait: whole seconds that SDKs heed, and not the same for all. Pure."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from gateway.errors import LONGEST_WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

SPREAD = 1.25
LONGEST_SPREAD_SECONDS = 47  # a quarter more is the longest that SDKs heed


def spread(seconds: float, draw: Callable[[], float]) -> int:
    """Return one of the whole seconds from `seconds` to a quarter more; `draw` gives a number of [0, 1).

    All who are refused in one moment would come back in one moment. Where a quarter more is longer than SDKs heed, some
    are told less, and are refused once more.
    """
    least = min(max(ceil(seconds), 1), LONGEST_SPREAD_SECONDS)
    most = min(max(ceil(seconds * SPREAD), least), LONGEST_WAIT_SECONDS)
    return least + int(draw() * (most - least + 1))
