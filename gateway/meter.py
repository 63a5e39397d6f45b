"""Watches one answer and says once how it ended: counts, usage and exactly one outcome. Pure.

The upstream's own usage is the bill. Where the stream ended before it came, what passed is counted, and low
(docs/decisions/0004): one token a delta, and the prompt at one token in eight bytes, all of it as if it were cached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID  # noqa: TC003 - the journal's decoder reads the annotations

from gateway.errors import ApiError, ClientGone, InternalError
from gateway.quotes import Most
from gateway.tool_calls import Calls
from gateway.usage import Outcome, RequestRecord, Tokens, UsageSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.deltas import Delta
    from gateway.tries import Tries

BYTES_PER_TOKEN = 8
UNHELD = Most()
OK = 200
GONE = 499  # recorded for a client that left before it was sent a status


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Who was let in with what, at what price: known before any upstream is called."""

    uid: UUID
    request_id: str
    workspace_id: UUID
    key_id: UUID
    price_id: UUID
    model: str
    stream: bool
    admitted_at_ms: int


class Meter:
    """One request's count, from admission to its one end."""

    def __init__(
        self,
        admitted: Admitted,
        text_bytes: Callable[[], int],
        tries: Tries,
        digests: tuple[bytes, ...] = (),
        most: Most = UNHELD,
    ) -> None:
        """`most` is what is held for: whatever an upstream tells beyond that is not charged, nor shown as used."""
        self.admitted = admitted
        self.most = most
        self.beyond = 0  # tokens that an upstream told of and nobody pays for
        self.tries = tries
        self._digests = digests
        self._text_bytes = text_bytes
        self._prompt: int | None = None  # in tokens, counted once
        self.finish_reason = ""
        self.shed = ""  # why no upstream, or no other one, was asked
        self.usage: Tokens | None = None
        self.record: RequestRecord | None = None
        self._calls = Calls()
        self._deltas = 0
        self._reasoning = 0
        self._first_token_ms: int | None = None

    @property
    def bad_tool_calls(self) -> int:
        """Calls whose arguments are no JSON; an answer that is cut short by its limit or a break has none to blame."""
        return self._calls.bad() if self.finish_reason == "tool_calls" else 0

    def saw(self, delta: Delta, at_ms: int) -> None:
        if delta.is_token:
            self._deltas += 1
            self._reasoning += delta.content is None and delta.reasoning is not None
            if self._first_token_ms is None:
                self._first_token_ms = max(at_ms - self.admitted.admitted_at_ms, 0)
            if delta.tools:
                self._calls.saw(delta.tools)
        self.finish_reason = delta.finish_reason or self.finish_reason
        if delta.usage is not None:
            self.usage = self._within(delta.usage)

    def completed(self, *, at_ms: int) -> RequestRecord | None:
        """End well. Where an upstream counts reasoning and does not tell it, a limit it used up is an answer too."""
        thought = self.finish_reason == "length" and self.usage is not None and self.usage.completion > 0
        return self._end(Outcome.COMPLETED if self._deltas or thought else Outcome.NO_TOKENS, OK, "", at_ms)

    def broke(self, error: BaseException, *, sent: int, at_ms: int) -> RequestRecord | None:
        """End with what went wrong; `sent` is the status the client has, or 0."""
        if isinstance(error, ClientGone):
            outcome = Outcome.CLIENT_GONE if self._deltas else Outcome.CLIENT_GONE_EARLY
            return self._end(outcome, sent or GONE, "", at_ms)
        if isinstance(error, ApiError):
            self.shed = error.shed
            return self._end(error.outcome, sent or error.status, error.code, at_ms)
        return self._end(Outcome.INTERRUPTED, sent or InternalError.status, InternalError.code, at_ms)

    def _end(self, outcome: Outcome, status: int, error_code: str, at_ms: int) -> RequestRecord | None:
        """Return the record at the first call and None at any later one: the first end is the end."""
        if self.record is not None:
            return None
        tokens, source = self.so_far()
        self.record = RequestRecord(
            uid=self.admitted.uid,
            request_id=self.admitted.request_id,
            workspace_id=self.admitted.workspace_id,
            key_id=self.admitted.key_id,
            price_id=self.admitted.price_id,
            model=self.admitted.model,
            stream=self.admitted.stream,
            admitted_at_ms=self.admitted.admitted_at_ms,
            upstream=self.tries.upstream,
            attempts=self.tries.count,
            status=status,
            outcome=outcome,
            finish_reason=self.finish_reason,
            error_code=error_code,
            tokens=tokens,
            usage_source=source,
            first_token_ms=self._first_token_ms,
            duration_ms=max(at_ms - self.admitted.admitted_at_ms, 0),
            tries=self.tries.ended,
            digests=self._digests,
        )
        return self.record

    def so_far(self) -> tuple[Tokens, UsageSource]:
        """Return what was generated until now, and where the counts are from."""
        if self.usage is not None:
            return self.usage, UsageSource.UPSTREAM
        if not self._deltas:
            return Tokens(), UsageSource.NONE
        if self._prompt is None:
            self._prompt = self._text_bytes() // BYTES_PER_TOKEN
        prompt = self._prompt
        counted = Tokens(prompt=prompt, cached=prompt, completion=self._deltas, reasoning=self._reasoning)
        return self._within(counted), UsageSource.COUNTED

    def _within(self, told: Tokens) -> Tokens:
        prompt, completion = min(told.prompt, self.most.prompt), min(told.completion, self.most.completion)
        if (prompt, completion) == (told.prompt, told.completion):
            return told
        self.beyond = told.prompt - prompt + told.completion - completion
        return Tokens(prompt, min(told.cached, prompt), completion, min(told.reasoning, completion))
