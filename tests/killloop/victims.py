"""What is killed: the product's processes and its engines, each started again at once."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import wait
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor, Future

WEIGHTS: Final[Mapping[str, int]] = {"gateway": 10, "shipper": 5, "worker": 2, "beat": 1, "redis": 3, "postgres": 3}
PAUSES: Final = (0.45, 1.35)  # seconds between two kills


class Victim:
    """Something that runs; `kill` ends it with SIGKILL, and `start` begins it anew and returns when it is up."""

    def __init__(self, kind: str, kill: Callable[[], object], start: Callable[[], object]) -> None:
        self.kind = kind
        self._kill = kill
        self._start = start
        self._alone = threading.Lock()

    def strike(self) -> bool:
        """Kill and start it, unless somebody is at it."""
        if not self._alone.acquire(blocking=False):
            return False
        try:
            self._kill()
            self._start()
        finally:
            self._alone.release()
        return True


class Killer:
    """Kills at random, in threads: to start a server takes longer than the next pause.

    The threads are those of `pool`, which outlives all that is started: a process ends with the thread that began it.
    """

    def __init__(self, victims: list[Victim], dice: random.Random, pool: Executor) -> None:
        self._victims = victims
        self._dice = dice
        self._pool = pool
        self.failures: list[str] = []
        self.kills: Counter[str] = Counter()

    def run(self, over: threading.Event) -> None:
        """Kill until it is over, and return when everything is up again."""
        strikes: list[Future[None]] = []
        weights = [WEIGHTS[victim.kind] for victim in self._victims]
        while not over.wait(self._dice.uniform(*PAUSES)):
            (victim,) = self._dice.choices(self._victims, weights)
            strikes.append(self._pool.submit(self._strike, victim))
        wait(strikes)

    def _strike(self, victim: Victim) -> None:
        try:
            if victim.strike():
                self.kills[victim.kind] += 1
        except Exception as error:  # noqa: BLE001 - told when all is over
            self.failures.append(f"{victim.kind}: {type(error).__name__}: {error}")
