"""How far a reconciliation is: on a terminal each step, else each once the whole takes more than a few seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET_SECONDS = 3.0


@dataclass(slots=True)
class Progress:
    """`write` has a line; `seconds` is a clock that only goes on."""

    total: int
    write: Callable[[str], object]
    seconds: Callable[[], float]
    always: bool
    _number: int = 0
    _name: str = ""
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.seconds()

    def begin(self, name: str) -> None:
        self._number += 1
        self._name = name
        self.tell("")

    def tell(self, words: str) -> None:
        """Say how far the step is that was begun last."""
        took = self.seconds() - self._began
        if self.always or took >= QUIET_SECONDS:
            self.write(f"{self._number} of {self.total}, {took:.0f} s: {self._name}{words and f', {words}'}")
