"""How many requests may be sent a second time to the same upstream: a tenth of them, and a few beside. Pure."""

from __future__ import annotations

SHARE = 0.1
MOST = 10.0  # that are saved up, and there at the start: a restart closes many connections at once


class Budget:
    """Each request saves a part of a repetition."""

    def __init__(self) -> None:
        self._saved = MOST

    def save(self) -> None:
        self._saved = min(self._saved + SHARE, MOST)

    def spend(self) -> bool:
        """Tell whether one more may be repeated, and count it."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
