"""How a line of `tests.fakes.faultproxy` may behave."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Door(Enum):
    """What a new connection meets."""

    OPEN = "open"
    REFUSED = "refused"  # nobody listens
    DEAF = "deaf"  # the kernel drops the handshake: a connect waits
    MUTE = "mute"  # accepted, and never answered


class Then(Enum):
    """What a connection does once `Weather.after` bytes have passed."""

    STALL = "stall"
    RESET = "reset"  # RST
    CLOSE = "close"  # FIN, and the rest is dropped
    HALF = "half"  # FIN of the answer alone; what the client sends is still taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Seconds and bytes, those of the answers; bytes count for each connection from when the weather was set."""

    door: Door = Door.OPEN
    latency: float = 0.0
    jitter: float = 0.0  # at most, over the latency
    bandwidth: int = 0  # bytes a second; 0 is no bound
    after: int = 0
    then: Then | None = None
    instead: bytes = b""  # answers the first bytes of each question, which go no further; `then` comes after it
    stale: bool = False  # a connection from before this weather is reset when it is used


FINE = Weather()
