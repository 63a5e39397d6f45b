"""When this process has too much to do to take one request more, it says so at once. Pure: samples come in.

Four signs, each a bound that a setting moves: the event loop runs late, too many requests are in flight
(`gateway.admission`), too many bytes of bodies are held, the journal's disk is nearly full. A refusal costs a client
one quick retry, elsewhere perhaps; an answer that is late costs everybody.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 2**20
OBJECT_BYTES = 80  # what one more object or list costs once parsed: 1 MB of `{}` is 26 MB of objects


class Sign(StrEnum):
    """What is too much, as logs and metrics name it."""

    LAG = "event_loop_lag"
    BODIES = "body_memory"
    DISK = "journal_disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Seconds, bytes, and a share of the disk."""

    lag: float = 0.25
    lag_window: float = 1.0
    body_bytes: int = 256 * MIB
    disk_share: float = 0.05  # free; of a large disk that is much, so the smaller of the two counts
    disk_bytes: int = 128 * MIB
    retry_after: tuple[int, int] = (1, 5)


class LagWindow:
    """How late the event loop ran lately."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._samples: deque[tuple[float, float]] = deque()

    def sample(self, now: float, lag: float) -> None:
        self._samples.append((now, lag))
        while len(self._samples) > 1 and self._samples[1][0] <= now - self._seconds:
            self._samples.popleft()  # one older than the window stays, so that what is left spans all of it

    def median(self, now: float) -> float:
        """Return the window's median in seconds, 0 until samples span it: one long moment is no overload."""
        if not self._samples or now - self._samples[0][0] < self._seconds:
            return 0.0
        lags = sorted(lag for at, lag in self._samples if at > now - self._seconds)
        return lags[len(lags) // 2] if lags else 0.0


class Held:
    """The bytes that one request's body is counted with; they count until the request ends."""

    def __init__(self, overload: Overload) -> None:
        self._overload = overload
        self._bytes = 0

    def declared(self, size: int) -> None:
        """Count a body before it is read; raise `Overloaded` where it does not fit."""
        self._set(size)

    def read(self, body: bytes) -> bytes:
        """Count a body that is here with what it becomes once parsed, and return it."""
        self._set(len(body) + OBJECT_BYTES * (body.count(b"{") + body.count(b"[")))
        return body

    def release(self) -> None:
        self._overload.body_bytes -= self._bytes
        self._bytes = 0

    def _set(self, size: int) -> None:
        if self._overload.body_bytes - self._bytes + size > self._overload.bounds.body_bytes:
            raise self._overload.refusal(Sign.BODIES)
        self._overload.body_bytes += size - self._bytes
        self._bytes = size


class Overload:
    """What `gateway.vitals` measured, and the refusals that follow from it."""

    def __init__(self, bounds: Bounds, draw: Callable[[], float]) -> None:
        """`draw` gives a random number of [0, 1): clients that were refused together do not come back together."""
        self.bounds = bounds
        self.body_bytes = 0
        self.lag = LagWindow(bounds.lag_window)
        self._draw = draw
        self._late = self._full = False

    def loop_ran_late(self, now: float, lag: float) -> None:
        self.lag.sample(now, lag)
        self._late = self.lag.median(now) > self.bounds.lag

    def disk(self, free: int, total: int) -> None:
        """Take note of how many bytes are free where the journal is written."""
        self._full = free < min(self.bounds.disk_bytes, int(total * self.bounds.disk_share))

    @property
    def signs(self) -> tuple[Sign, ...]:
        """What is too much now; a body that does not fit is told to its own request alone."""
        return tuple(sign for sign, on in ((Sign.LAG, self._late), (Sign.DISK, self._full)) if on)

    def admit(self) -> None:
        """Raise `Overloaded` where nothing more is taken."""
        if self._full:
            raise self.refusal(Sign.DISK)
        if self._late:
            raise self.refusal(Sign.LAG)

    @contextmanager
    def body(self) -> Iterator[Held]:
        """Count a request's body for as long as the block runs."""
        held = Held(self)
        try:
            yield held
        finally:
            held.release()

    def refusal(self, sign: Sign) -> Overloaded:
        least, most = self.bounds.retry_after
        wait = least + int(self._draw() * (most - least + 1))
        return Overloaded("The server is busy. Please try again shortly.", retry_after=wait, shed=sign)
