"""What is counted, event by event: once at a request's end, never for a chunk."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.errors import RateLimitExceeded
from gateway.metrics import families
from gateway.metrics.instruments import MOST_SERIES, Instruments
from gateway.usage import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.errors import ApiError
    from gateway.metrics.cells import Cells
    from gateway.telemetry import Access
    from gateway.usage import RequestRecord

NONE = "none"
OPERATION = "chat"


class Repeat(StrEnum):
    """What became of a request that came again under its id."""

    RUNNING = "running"  # refused: the first is still answered
    CHARGED = "charged"  # refused: the first was answered and paid for
    OTHER_BODY = "other_body"  # refused: the id was used for something else


REPEATS = {
    "idempotency_key_in_progress": Repeat.RUNNING,
    "request_already_completed": Repeat.CHARGED,
    "idempotency_key_mismatch": Repeat.OTHER_BODY,
}


@dataclass(frozen=True, slots=True)
class _Of:
    """The series of the requests that ended alike; each is told a value."""

    duration: Callable[[float], None]
    first_token: Callable[[float], None]
    each_token: Callable[[float], None]
    input: Callable[[float], None]
    output: Callable[[float], None]
    cached: Callable[[float], None]
    reasoning: Callable[[float], None]


class _Series(dict[tuple[str, str, str], _Of]):
    """By model, upstream and code: looked up once a request, where each series by itself costs as much as its count."""

    def __init__(self, make: Instruments) -> None:
        super().__init__()
        self._duration = make.histogram(families.DURATION)
        self._first_token = make.histogram(families.FIRST_TOKEN)
        self._each_token = make.histogram(families.EACH_TOKEN)
        self._tokens = make.histogram(families.TOKEN_USAGE)

    def __missing__(self, key: tuple[str, str, str]) -> _Of:
        model, upstream, code = key
        tokens = [self._tokens.of(OPERATION, model, kind) for kind in ("input", "output", "cached", "reasoning")]
        found = _Of(
            self._duration.of(OPERATION, model, code or NONE),
            self._first_token.of(OPERATION, model, upstream),
            self._each_token.of(OPERATION, model, upstream),
            *tokens,
        )
        if len(self) < MOST_SERIES:
            self[key] = found
        return found


class Metrics:
    """One process's counters. All labels are bounded: enums, our codes, names of the upstreams' file."""

    def __init__(self, cells: Cells) -> None:
        make = Instruments(cells)
        self._of = _Series(make)
        self._upstream_first_token = make.histogram(families.UPSTREAM_FIRST_TOKEN)
        self._requests = make.counter(families.REQUESTS)
        self._attempts = make.counter(families.ATTEMPTS)
        self._failovers = make.counter(families.FAILOVERS)
        self._sheds = make.counter(families.SHEDS)
        self._refusals = make.counter(families.REFUSALS)
        self._repeats = make.counter(families.IDEMPOTENCY)
        self._bad_tool_calls = make.counter(families.BAD_TOOL_CALLS)
        self._own_time = make.histogram(families.OWN_TIME)
        self._fsync = make.histogram(families.FSYNC)
        self._journal_failures = make.counter(families.JOURNAL_FAILURES)

    def answered(self, line: Access) -> None:
        """Count any request, by what its client was sent."""
        status = f"{line.status // 100}xx"
        self._requests.add(line.route or NONE, line.outcome or NONE, status, line.error_code or NONE)
        if line.shed and line.outcome in {"", Outcome.SHED}:  # else another one had been asked before
            self._sheds.add(line.shed)
        if (repeat := REPEATS.get(line.error_code)) is not None:
            self._repeats.add(repeat)
        if line.bad_tool_calls:
            self._bad_tool_calls.add(by=line.bad_tool_calls)

    def ended(self, record: RequestRecord) -> None:
        """Count an admitted request as its record tells it."""
        of = self._of[record.model, record.upstream, record.error_code]
        tokens, seconds = record.tokens, record.duration_ms / 1000
        of.duration(seconds)
        if record.first_token_ms is not None:
            first = record.first_token_ms / 1000
            of.first_token(first)
            if tokens.completion > 1 and record.outcome is Outcome.COMPLETED:
                of.each_token((seconds - first) / (tokens.completion - 1))
        of.input(tokens.prompt)
        of.output(tokens.completion)
        of.cached(tokens.cached)
        of.reasoning(tokens.reasoning)
        for attempt in record.tries:
            self._attempts.add(attempt.upstream, attempt.fault or NONE)
            if not attempt.fault:
                self._upstream_first_token.see(attempt.duration_ms / 1000, attempt.upstream)
        for attempt in record.tries[:-1]:
            self._failovers.add(attempt.upstream)

    def told(self, error: ApiError) -> None:
        """Count a refusal for what its status does not tell: of what a customer had too much."""
        if isinstance(error, RateLimitExceeded):
            self._refusals.add(error.type)

    def reached_upstream(self, seconds: float) -> None:
        """Tell how long a request was here before its first upstream was called."""
        self._own_time.see(seconds)

    def synced(self, seconds: float) -> None:
        self._fsync.see(seconds)

    def journal_failed(self) -> None:
        self._journal_failures.add()
