"""The sandbox's own truth: what it served, token by token, as JSON lines. Counts and ids, never words."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Sums:
    """`calls` and `tokens_sent` count everything; the rest counts answers that went out whole."""

    calls: int = 0
    tokens_sent: int = 0
    finished: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Sums:
        values = json.loads(text)
        return cls(**{field.name: int(values[field.name]) for field in fields(cls)})


class Truth:
    """Appends to `file`, a line at a time, each flushed: what a killed process had served is still there."""

    def __init__(self, file: IO[str], clock: Callable[[], float]) -> None:
        self._file = file
        self._clock = clock
        self.sums = Sums()

    def open(self, uid: str, request_id: str) -> Served:
        self.sums.calls += 1
        return Served(self, self.sums.calls, uid, request_id)

    def write(self, event: str, **values: str | int) -> None:
        line = {"event": event, **values, "at": round(self._clock(), 6)}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


class Served:
    """One call of the upstream; the numbers of its tokens count from 1."""

    def __init__(self, truth: Truth, call: int, uid: str, request_id: str) -> None:
        self._truth = truth
        self._call = call
        self._uid = uid
        self._request_id = request_id
        self._prompt = self._cached = self._reasoning = self.sent = 0

    def start(self, prompt: int, cached: int) -> None:
        self._prompt, self._cached = prompt, cached
        self._write("start", request_id=self._request_id, prompt_tokens=prompt, cached_tokens=cached)

    def token(self, kind: str) -> None:
        self.sent += 1
        self._reasoning += kind == "reasoning"
        self._truth.sums.tokens_sent += 1
        self._write("token", n=self.sent, kind=kind)

    def end(self, reason: str) -> None:
        self._write("end", reason=reason, completion_tokens=self.sent, reasoning_tokens=self._reasoning)
        if reason == "finish":
            sums = self._truth.sums
            sums.finished += 1
            sums.prompt_tokens += self._prompt
            sums.cached_tokens += self._cached
            sums.completion_tokens += self.sent
            sums.reasoning_tokens += self._reasoning

    def _write(self, event: str, **values: str | int) -> None:
        self._truth.write(event, call=self._call, id=self._uid, **values)
