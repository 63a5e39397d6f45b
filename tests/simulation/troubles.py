"""Draws of what befalls all processes at once: their meeting place fails them, an operator drains upstreams."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING

from tests.simulation.dice import dice

if TYPE_CHECKING:
    from collections.abc import Sequence

NEVER = (inf, inf)


class Ill(StrEnum):
    AWAY = "away"
    SLOW = "slow"  # answers when nobody listens any more
    LATE = "late"  # answers just in time
    EMPTIED = "emptied"


KINDS = {Ill.AWAY: 3, Ill.SLOW: 2, Ill.LATE: 1, Ill.EMPTIED: 2}


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which the meeting place is not well; it is emptied in a moment."""

    begins: float
    ends: float
    ill: Ill


@dataclass(frozen=True, slots=True)
class Order:
    """An operator's word."""

    at: float
    upstream: str
    drains: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Troubles:
    spells: Sequence[Spell] = ()
    orders: Sequence[Order] = ()
    unread: tuple[float, float] = NEVER  # the orders cannot be read


def troubles_of(seed: int, seconds: float, names: Sequence[str]) -> Troubles:
    throw = dice(seed, "meeting")
    spells: list[Spell] = []
    at = 0.0
    for _ in range(throw.choices((0, 1, 2), (6, 3, 1))[0]):
        at += throw.random() * seconds
        ends = at + throw.random() * seconds * 0.5
        spells.append(Spell(at, ends, throw.of(KINDS)))
        at = ends
    throw = dice(seed, "operator")
    if not throw.chance(0.2):
        return Troubles(spells=spells)
    orders: list[Order] = []
    for name in names if throw.chance(0.4) else (throw.choice(names),):
        drains = throw.random() * seconds
        restores = drains + throw.random() * seconds * 0.6
        orders += (Order(drains, name, drains=True), Order(restores, name, drains=False))
    begins = throw.random() * seconds
    unread = (begins, begins + throw.random() * seconds * 0.5) if throw.chance(0.3) else NEVER
    return Troubles(spells=spells, orders=sorted(orders, key=lambda order: order.at), unread=unread)
