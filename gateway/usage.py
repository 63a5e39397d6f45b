"""The gateway's one contract with billing: what became of an admitted request, in numbers and never in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID  # noqa: TC003 - the journal's decoder reads the annotations


class Outcome(StrEnum):
    """How a request ended. Only `COMPLETED` and `CLIENT_GONE` are charged; all the others are listed as free."""

    COMPLETED = "completed"
    CLIENT_GONE = "client_gone"  # the client left after the first token: pays for what was generated until then
    CLIENT_GONE_EARLY = "client_gone_early"  # the client left before the first token
    UPSTREAM_REFUSED = "upstream_refused"  # the upstream blamed the request (400, 413, 422)
    UPSTREAM_ERROR = "upstream_error"  # no first token from any upstream
    UPSTREAM_TIMEOUT = "upstream_timeout"  # no first token in time
    UPSTREAM_CUT = "upstream_cut"  # broken after the first token
    STALLED = "stalled"  # no token for the idle limit, after the first
    NO_TOKENS = "no_tokens"  # it finished, with nothing generated
    SHED = "shed"
    INTERRUPTED = "interrupted"  # the gateway itself died
    DUPLICATE = "duplicate"  # ran as a retry of one that is charged: found by the ledger, told by no gateway


CHARGED = frozenset({Outcome.COMPLETED, Outcome.CLIENT_GONE})


class UsageSource(StrEnum):
    """Where the token counts are from."""

    UPSTREAM = "upstream"  # the upstream's own usage
    COUNTED = "counted"  # counted and estimated here, because the stream ended before its usage came
    NONE = "none"  # nothing was generated


@dataclass(frozen=True, slots=True)
class Tokens:
    """Counts as OpenAI defines them: `cached` is part of `prompt`, `reasoning` is part of `completion`."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Try:
    """One upstream that was asked for the answer."""

    upstream: str
    fault: str  # why it gave no first token; empty when it did
    status: int  # the HTTP status it sent, or 0
    duration_ms: int  # until the first token, or the failure


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """One request, from its admission to its end. `admitted_at_ms` counts from the Unix epoch."""

    uid: UUID  # UUIDv7, minted per inbound request; the primary key of everything that follows
    request_id: str  # X-Request-Id, the client's own or `req_` + uid
    workspace_id: UUID
    key_id: UUID
    price_id: UUID  # the price it was admitted under
    model: str
    stream: bool
    admitted_at_ms: int
    upstream: str  # the name in the upstreams' file; empty when none was called
    attempts: int
    status: int  # the HTTP status the client was sent
    outcome: Outcome
    finish_reason: str
    error_code: str
    tokens: Tokens
    usage_source: UsageSource
    first_token_ms: int | None
    duration_ms: int
    tries: tuple[Try, ...] = ()  # in order; one for each of `attempts`
    digests: tuple[bytes, ...] = ()  # which a retry of it has in common with it (gateway.idempotency)
