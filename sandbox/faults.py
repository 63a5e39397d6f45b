"""Faults as data: what to do to the next request instead of answering it well, read from JSON and queued.

`POST /control/faults` with `{"faults": [{"kind": "cut", "after": 3}, …]}`: the next requests, in whatever dialect, take
one each. `DELETE /control/faults` forgets those that wait. The header `X-Sandbox-Fault`, one such object, is for the
request it comes with.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from sandbox.quirks import QUIRKS
from sandbox.spelling import Spelling

if TYPE_CHECKING:
    from collections.abc import Iterable

# These answer in the model's place:
REPLACING: Final = frozenset(
    {
        "status",  # status, retry_after, type
        "hang",  # nothing at all, not even headers
        "silence",  # headers, then nothing
        "comments",  # headers, then comments for ever
        "role_then_error",  # the role chunk, then an error event
        "error_first",  # an error event, then [DONE]
        "flat_error",  # as SGLang spells it: no envelope
        "empty",  # 200 and no byte
        "only_done",  # 200 and [DONE]
        "html",  # 200 and a page
        "json",  # 200 and a JSON document where a stream was asked for
        "redirect",  # 302
        "garbage",  # 200, an event stream by its name, and noise
    }
)
# These bend a good answer:
BENDING: Final = frozenset(
    {
        "cut",  # after `after` tokens: how = reset (RST), close (FIN inside the body) or eof (a well-ended body)
        "stall",  # after `after` tokens: nothing more
        "error",  # after `after` tokens: an error event, then [DONE]
        "slow",  # first_token_ms, tokens_per_second
        "no_usage",
        "no_finish",  # [DONE] without a finish chunk
        "spelling",  # the fields of `Spelling`: the same chunks in other bytes
        "odd",  # quirks = a list of names from `sandbox.quirks`: other chunks with the same meaning
        "usage_everywhere",  # every chunk tells the usage so far
        "finish",  # reason = what the answer ends with: "abort", "unexpected_state", "eos", …
    }
)
SPELLINGS: Final = frozenset(one.name for one in fields(Spelling))
WAYS: Final = frozenset({"reset", "close", "eof"})


class BadFault(ValueError):  # noqa: N818 - the fault is bad, and it is the caller's
    """The fault that was asked for does not exist; the text says what does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    kind: str
    status: int = 503
    type: str = "server_unavailable"
    message: str = "The sandbox was told to fail."
    retry_after: str = ""
    after: int = 0  # tokens
    how: str = "reset"
    first_token_ms: int | None = None
    tokens_per_second: int | None = None
    spelling: Spelling = field(default_factory=Spelling)
    quirks: tuple[str, ...] = ()
    reason: str = "abort"
    times: int = 1

    @property
    def replaces(self) -> bool:
        return self.kind in REPLACING


def parse(value: object) -> Fault:
    """Read one fault: `{"kind": "cut", "after": 3}`; `{"status": 503}` alone is of the kind `status`."""
    if not isinstance(value, dict):
        raise BadFault("a fault is an object")
    given: dict[str, Any] = dict(value)
    kind = str(given.pop("kind", "status" if "status" in given else ""))
    if kind not in REPLACING | BENDING:
        raise BadFault(f"unknown kind {kind!r}; one of {', '.join(sorted(REPLACING | BENDING))}")
    spelling = Spelling(**{name: given.pop(name) for name in SPELLINGS & given.keys()})
    given["quirks"] = tuple(given.get("quirks", ()))
    if "retry_after" in given:
        given["retry_after"] = str(given["retry_after"])
    try:
        fault = Fault(kind=kind, spelling=spelling, **given)
    except TypeError as error:
        raise BadFault(str(error)) from None
    if not set(fault.quirks) <= QUIRKS.keys():
        raise BadFault(f"unknown quirk; there are {', '.join(sorted(QUIRKS))}")
    if fault.how not in WAYS:
        raise BadFault(f"unknown way {fault.how!r} to cut; one of {', '.join(sorted(WAYS))}")
    return fault


def parse_header(text: str) -> Fault:
    try:
        return parse(json.loads(text))
    except json.JSONDecodeError:
        raise BadFault("X-Sandbox-Fault is not JSON") from None


class Queue:
    """The faults of the requests to come, first in, first out."""

    def __init__(self) -> None:
        self._waiting: deque[Fault] = deque()

    def extend(self, faults: Iterable[Fault]) -> int:
        for fault in faults:
            self._waiting.extend([fault] * fault.times)
        return len(self._waiting)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self) -> Fault | None:
        return self._waiting.popleft() if self._waiting else None
