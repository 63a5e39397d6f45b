"""Purses of all processes as Redis keeps them: the twin of its scripts. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.limits import Kind
from gateway.purse_ports import Refreshed
from gateway.purses import granted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.holds import Own
    from gateway.purse_ports import Line, Refreshing
    from gateway.purses import Wanted


@dataclass(slots=True)
class _Purse:
    left: int = 0
    version: int | None = None
    made: bool = False
    numbers: dict[str, int] = field(default_factory=dict)
    escrows: dict[str, int] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return self.left - sum(self.numbers.values())

    def change(self, writer: str, by: int) -> None:
        self.numbers[writer] = self.numbers.get(writer, 0) + by

    def forget(self, writer: str) -> None:
        self.numbers.pop(writer, None)
        self.escrows.pop(writer, None)


class Purses:
    """One life after another: `flush` begins the next, with nothing in it."""

    def __init__(self) -> None:
        self.epoch = 0
        self._told: set[str] = set()
        self._purses: dict[str, _Purse] = {}

    @property
    def held(self) -> int:
        """Return what is held by all in all purses."""
        return sum(sum(purse.numbers.values()) for purse in self._purses.values())

    def flush(self) -> None:
        self.epoch += 1
        self._told.clear()
        self._purses.clear()

    def look(self, keys: Sequence[str], wanted: Wanted, epoch: int) -> tuple[Kind | None, int, int, tuple[int, ...]]:
        """Return why not, the index of the purse that gives the least, the tokens, and what is available in each."""
        purses = [self._purses.get(key) for key in keys]
        for index, purse in enumerate(purses):
            if purse is None or not purse.made or epoch != self.epoch:
                return Kind.UNMADE, index, 0, ()
        found = [purse for purse in purses if purse is not None]
        free = tuple(purse.free for purse in found)
        tokens, poorest = granted(wanted, free)
        if tokens >= wanted.least:
            return None, 0, tokens, free
        could, _ = granted(wanted, [purse.free + sum(purse.escrows.values()) for purse in found])
        return (Kind.AT_HAND if could >= wanted.least else Kind.MONEY), poorest, 0, free

    def hold(self, keys: Sequence[str], writer: str, nanos: int) -> tuple[int, ...]:
        for key in keys:
            self._purses[key].change(writer, nanos)
        return tuple(self._purses[key].free for key in keys)

    def release(self, keys: Sequence[str], writer: str, nanos: int, epoch: int) -> None:
        for key in keys:
            purse = self._purses.get(key)
            if purse is not None and epoch == self.epoch and purse.numbers.get(writer, -1) >= nanos:
                purse.change(writer, -nanos)

    def tell(self, writer: str, numbers: Iterable[tuple[str, Own]]) -> int:
        """Take all numbers of a process in place of what was known of it; return the life it is told in."""
        for purse in self._purses.values():
            purse.forget(writer)
        for key, own in numbers:
            purse = self._purses.setdefault(key, _Purse())
            purse.numbers[writer], purse.escrows[writer] = own.number, own.escrow
        self._told.add(writer)
        return self.epoch

    def refresh(self, writer: str, refreshing: Refreshing) -> Refreshed:
        complete = self._told.issuperset(refreshing.writers)
        self._told.difference_update(refreshing.buried)
        strangers: set[str] = set()
        states = []
        for line in refreshing.lines:
            purse = self._purses.setdefault(line.purse, _Purse())
            for gone in refreshing.buried:
                purse.forget(gone)
            strangers |= purse.numbers.keys() - {writer, *refreshing.writers}
            states.append(self._line(writer, refreshing, line, purse, makes=complete and refreshing.may_make))
        return Refreshed(
            complete=complete,
            escrow=tuple(escrow for escrow, _, _ in states),
            numbers=tuple(number for _, number, _ in states),
            made=tuple(made for _, _, made in states),
            strangers=tuple(strangers),
        )

    def _line(
        self, writer: str, refreshing: Refreshing, line: Line, purse: _Purse, *, makes: bool
    ) -> tuple[int, int, bool]:
        if line.left is None:
            purse.made = False
        else:
            if purse.version is None or refreshing.version >= purse.version:
                purse.left, purse.version = line.left, refreshing.version
            purse.made = purse.made or makes
        purse.change(writer, -line.recorded)
        target = 0
        if purse.made and line.parts:
            target = max(purse.free + line.escrow, 0) // line.parts
            target = target if target >= refreshing.least else 0
        elif line.left is not None and line.parts:
            target = line.escrow
        purse.change(writer, target - line.escrow)
        purse.escrows[writer] = target
        number = purse.numbers[writer]
        if not number:
            purse.forget(writer)
        return target - line.escrow, number, purse.made
