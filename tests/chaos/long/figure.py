"""A measured figure, and the product's own deadlines to measure it under."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.world import Server

FIRST_TOKEN: Final = 8.0  # seconds, as deployed
OWN: Final = {"PYLO_FIRST_TOKEN_SECONDS": "8", "PYLO_IDLE_SECONDS": "30", "PYLO_BREAKER": ""}


@dataclass(frozen=True, slots=True)
class Figure:
    row: str  # of the fault matrix
    what: str
    value: str


def port_of(server: Server) -> int:
    return urlsplit(server.base).port or 0


def table(figures: Sequence[Figure]) -> str:
    lines = [f"| {each.row} | {each.what} | {each.value} |" for each in figures]
    return "\n".join(["| row | what | figure |", "|---|---|---|", *lines, ""])
