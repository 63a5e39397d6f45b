"""Principal → Permit, or a refusal before any work: no money is 402, no room is 503. Holds on balances come later."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import InsufficientQuota, Overloaded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.ports import Principal

RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to serve one request; it ends with the block that holds it."""

    principal: Principal


class Admission:
    """Counts what this process serves, and lets no more in than it may."""

    def __init__(self, most_in_flight: int) -> None:
        self._most = most_in_flight
        self.in_flight = 0

    @asynccontextmanager
    async def permit(self, principal: Principal) -> AsyncIterator[Permit]:
        if principal.spendable_nanos <= 0:
            raise InsufficientQuota("The balance of this workspace is used up. Add credit in the portal.")
        if self.in_flight >= self._most:
            raise Overloaded("The server is busy. Please try again shortly.", retry_after=RETRY_AFTER_SECONDS)
        self.in_flight += 1
        try:
            yield Permit(principal)
        finally:
            self.in_flight -= 1
