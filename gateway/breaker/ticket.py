"""One call as its upstream's breaker sees it. Pure."""

from __future__ import annotations


class Ticket:
    """`epoch` is the breaker's when the call was admitted: after a transition it has nothing to say any more."""

    __slots__ = ("begun", "crossed", "epoch", "failed", "over", "probe", "slow_at", "started")

    def __init__(self, epoch: int, started: float, slow_at: float, *, probe: bool) -> None:
        self.epoch = epoch
        self.started = started
        self.slow_at = slow_at
        self.probe = probe
        self.crossed = False  # the slow mark, without a token
        self.begun = False  # the first token came
        self.failed = False
        self.over = False
