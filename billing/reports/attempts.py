"""Which upstreams were asked for an answer, one after the other, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from billing.models import RequestRecord

ANSWERED = "answered with the first token"
_WORDS = {
    "connect": "could not be reached",
    "timeout": "gave no first token in time",
    "status": "refused with an error",
    "account": "did not accept Pylo's account",
    "throttled": "asked to slow down",
    "refused": "refused the request itself",
    "not_a_stream": "sent something that is no stream",
    "malformed": "sent a stream that cannot be read",
    "error_event": "sent an error in place of a token",
    "empty": "finished without a token",
    "truncated": "ended before its answer did",
    "cut": "broke the connection off",
    "reset": "closed a kept connection as it was asked",
    "stalled": "fell silent",
    "abandoned": "was let go: the request ended first",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One upstream that was asked; `after_ms` counts from the first attempt."""

    upstream: str
    words: str
    answered: bool
    status: int  # that it sent, or 0
    after_ms: int
    took_ms: int


def attempts(record: RequestRecord) -> tuple[Attempt, ...]:
    """Return the attempts in order; none where one upstream was asked and answered, or nothing is kept of them."""
    found: list[Attempt] = []
    for one in record.tries or ():
        after_ms = found[-1].after_ms + found[-1].took_ms if found else 0
        words = _WORDS.get(one["fault"], "failed") if one["fault"] else ANSWERED
        found.append(
            Attempt(one["upstream"], words, not one["fault"], one["status"], after_ms, one["duration_ms"]),
        )
    return tuple(found)
