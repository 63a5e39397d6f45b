"""What this process runs, and what it charged lately, by the names of requests. Pure; times are Unix milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.idempotency import Done, Running

if TYPE_CHECKING:
    from gateway.idempotency import Identity, Known

MOST_REMEMBERED = 10_000


class Lately:
    """Asked first: it costs nothing, and it knows before any store does."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._running: dict[str, Identity] = {}
        self._done: dict[str, tuple[Done, int]] = {}  # with when it is forgotten; the oldest comes first

    @property
    def running(self) -> list[Identity]:
        return list(self._running.values())

    def runs(self, asked: Identity) -> bool:
        return self._running.get(asked.names[0]) is asked

    def find(self, asked: Identity, now_ms: int) -> Known | None:
        for name in asked.names:
            if (other := self._running.get(name)) is not None:
                return Running(other.uid, other.digests[0])
            done, until_ms = self._done.get(name, (None, 0))
            if until_ms > now_ms:
                return done
        return None

    def run(self, asked: Identity) -> None:
        self._running[asked.names[0]] = asked

    def end(self, asked: Identity, done: Done | None, until_ms: int) -> None:
        name = asked.names[0]
        self._running.pop(name, None)
        if done is not None:
            self._done.pop(name, None)
            self._done[name] = done, until_ms
            if len(self._done) > self._most:
                del self._done[next(iter(self._done))]
