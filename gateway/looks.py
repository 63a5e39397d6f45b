"""What those who wait for a look at the money are told, by `gateway.wallets`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import Future


@dataclass(frozen=True, slots=True)
class Look:
    """What became of one look: whether Postgres was read, and whether Redis was told. Each is said once."""

    read: Future[bool]
    told: Future[bool]

    def has_read(self) -> None:
        _say(self.read, so=True)

    def has_told(self) -> None:
        _say(self.told, so=True)

    def over(self) -> None:
        _say(self.read, so=False)
        _say(self.told, so=False)


def _say(future: Future[bool], *, so: bool) -> None:
    if not future.done():
        future.set_result(so)
