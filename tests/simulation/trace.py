"""What happened in a seed, in order: virtual time, who, what. Kept for the seed that fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

MOST_LINES = 150
WORLD = -1


class Broken(Exception):  # noqa: N818 - names what was found
    """An invariant does not hold. `serial` is the exchange it was found in, or WORLD."""

    def __init__(self, rule: str, what: str, serial: int = WORLD) -> None:
        super().__init__(f"{rule}: {what}")
        self.rule = rule
        self.serial = serial


class Line(NamedTuple):
    """What happened, in parts that are put into words when somebody reads them: few seeds are read."""

    at: float
    serial: int
    who: str
    what: tuple[object, ...]


@dataclass
class Trace:
    lines: list[Line] = field(default_factory=list)

    def add(self, at: float, serial: int, who: str, *what: object) -> None:
        self.lines.append(Line(at, serial, who, what))

    def story(self, serial: int) -> list[str]:
        """Return the lines of one exchange and of the world around it; of everything where it is the world's."""
        chosen = [line for line in self.lines if serial == WORLD or line.serial in (serial, WORLD)]
        cut = [f"… {len(chosen) - MOST_LINES} lines before"] if len(chosen) > MOST_LINES else []
        return [*cut, *(_told(line) for line in chosen[-MOST_LINES:])]


def _told(line: Line) -> str:
    return f"{line.at:12.6f}  {line.who:<14} {' '.join(map(str, line.what))}"
