"""The sandbox upstream from a test's side: tell it to fail, and read its truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from sandbox.truth import Sums

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the upstream as its truth log has it; `reason` is empty while it runs."""

    uid: str
    request_id: str
    prompt_tokens: int
    cached_tokens: int
    tokens: int
    reasoning_tokens: int
    reason: str


class Upstream:
    def __init__(self, url: str, truth: Path) -> None:
        self.url = url
        self._truth = truth
        self._read = 0  # bytes of the log
        self._life = 0
        self._events: dict[tuple[int, int], list[dict[str, Any]]] = {}

    def base_url(self, dialect: str) -> str:
        """Return where it speaks a dialect."""
        return f"{self.url}/v1" if dialect == "moonshot" else f"{self.url}/{dialect}/v1"

    def fail(self, *faults: dict[str, Any]) -> None:
        """Queue faults for the requests to come (`sandbox.faults`)."""
        answer = httpx.post(f"{self.url}/control/faults", json={"faults": faults}, trust_env=False)
        assert answer.status_code == httpx.codes.OK, answer.text

    def heal(self) -> None:
        httpx.delete(f"{self.url}/control/faults", trust_env=False).raise_for_status()

    def sums(self) -> Sums:
        return Sums.from_json(httpx.get(f"{self.url}/control/truth", trust_env=False).content)

    def calls(self, request_id: str = "") -> list[Call]:
        """Return the calls in the order they came, or those of one request id."""
        self._catch_up()
        return [_call(events) for _, events in sorted(self._events.items()) if _is_of(events, request_id)]

    def begin_again(self) -> None:
        """Tell apart the calls of a process that is started over the same log: it numbers them from 1."""
        self._catch_up()
        self._life += 1

    def _catch_up(self) -> None:
        """Read what was added to the log; a line that is half written waits."""
        with self._truth.open("rb") as log:
            log.seek(self._read)
            whole = log.read()
        whole = whole[: whole.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            event = json.loads(line)
            self._events.setdefault((self._life, event["call"]), []).append(event)


def _is_of(events: list[dict[str, Any]], request_id: str) -> bool:
    return not request_id or any(event.get("request_id") == request_id for event in events[:1])


def _call(events: list[dict[str, Any]]) -> Call:
    start: dict[str, Any] = next((event for event in events if event["event"] == "start"), {})
    tokens = [event["kind"] for event in events if event["event"] == "token"]
    end: dict[str, Any] = next((event for event in events if event["event"] == "end"), {})
    return Call(
        uid=str(events[0]["id"]),
        request_id=str(start.get("request_id", "")),
        prompt_tokens=int(start.get("prompt_tokens", 0)),
        cached_tokens=int(start.get("cached_tokens", 0)),
        tokens=len(tokens),
        reasoning_tokens=tokens.count("reasoning"),
        reason=str(end.get("reason", "")),
    )
