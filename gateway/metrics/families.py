"""What is counted: every family's name, labels and buckets. Pure.

Names with `gen_ai` are OpenTelemetry's for generative AI, as Prometheus spells them. A label's values come from an
enum, from our error codes or from the upstreams' file: never from a key, a user or a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Merge(StrEnum):
    """How the gauges of several processes become one."""

    SUM = "sum"
    MAX = "max"
    MIN = "min"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric; a counter's name is without the `_total` that it is shown with."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()  # upper bounds, without the last, infinite one
    merge: Merge = Merge.SUM

    @property
    def cells(self) -> int:
        """How many numbers one series takes: of a histogram the sum, then each bucket by itself."""
        return len(self.buckets) + 2 if self.kind is Kind.HISTOGRAM else 1


def _counter(name: str, text: str, *labels: str) -> Family:
    return Family(name=name, kind=Kind.COUNTER, text=text, labels=labels)


def _gauge(name: str, text: str, *labels: str, merge: Merge = Merge.SUM) -> Family:
    return Family(name=name, kind=Kind.GAUGE, text=text, labels=labels, merge=merge)


def _histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Family:
    return Family(name=name, kind=Kind.HISTOGRAM, text=text, labels=labels, buckets=buckets)


TO_THE_END = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 1800.0, 3600.0)
TO_FIRST_TOKEN = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 18.0, 30.0, 60.0, 120.0)
A_TOKEN = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5)
TOKENS = tuple(float(4**power) for power in range(11))  # to 1 048 576: more than the context holds
OWN = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
DISK = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

OF_MODEL = ("gen_ai_operation_name", "gen_ai_request_model")

DURATION = _histogram(
    "gen_ai_server_request_duration_seconds",
    "From an admitted request to its end; error_type is the code of the error it ended with.",
    TO_THE_END,
    *OF_MODEL,
    "error_type",
)
FIRST_TOKEN = _histogram(
    "gen_ai_server_time_to_first_token_seconds",
    "From admission to the first token, failed attempts and all; by the upstream that gave it.",
    TO_FIRST_TOKEN,
    *OF_MODEL,
    "upstream",
)
UPSTREAM_FIRST_TOKEN = _histogram(
    "pylo_upstream_first_token_seconds",
    "Its own time to the first token, of calls that answered.",
    TO_FIRST_TOKEN,
    "upstream",
)
EACH_TOKEN = _histogram(
    "gen_ai_server_time_per_output_token_seconds",
    "Of completed answers: the time after the first token by the tokens after it.",
    A_TOKEN,
    *OF_MODEL,
    "upstream",
)
TOKEN_USAGE = _histogram(
    "gen_ai_client_token_usage",
    "Tokens a request as its record counts them; cached are part of input, reasoning part of output.",
    TOKENS,
    *OF_MODEL,
    "gen_ai_token_type",
)
REQUESTS = _counter(
    "pylo_requests",
    "Answers, by how the request ended and what the client was sent; `none` was not admitted, or has no error.",
    *("route", "outcome", "status", "code"),
)
ATTEMPTS = _counter("pylo_upstream_attempts", "Calls of upstreams; `none` is one that answered.", "upstream", "fault")
FAILOVERS = _counter("pylo_failovers", "Requests that went on to another upstream, by the one they left.", "upstream")
SHEDS = _counter("pylo_sheds", "Requests refused because nothing could take them.", "reason")
REFUSALS = _counter(
    "pylo_limit_refusals",
    "Requests over a limit of a customer's: on requests, running ones among them, or on tokens.",
    "limit",
)
IDEMPOTENCY = _counter("pylo_idempotency", "Requests that came again under their id.", "outcome")
BAD_TOOL_CALLS = _counter("pylo_bad_tool_calls", "Tool calls of the model whose arguments are no JSON object.")
OWN_TIME = _histogram("pylo_gateway_seconds", "Time a request spent here before its first upstream was called.", OWN)
FSYNC = _histogram("pylo_journal_fsync_seconds", "Each wait for the journal's disk.", DISK)
JOURNAL_FAILURES = _counter("pylo_journal_failures", "Writes and syncs of the journal that failed.")
DROPPED = _counter("pylo_metrics_dropped", "Observations that had no room: a label has more values than it may.")

PROCESSES = _gauge("pylo_processes", "Web processes of this host that run.")
IN_FLIGHT = _gauge("pylo_in_flight", "Chats that are admitted and not over.")
BODY_BYTES = _gauge("pylo_body_bytes", "Memory that bodies of requests are counted with.")
LOOP_LAG = _gauge(
    "pylo_event_loop_lag_seconds", "How late the event loop's timers are; the worst process.", merge=Merge.MAX
)
STATE = _gauge("pylo_upstream_state", "How many processes see the upstream's breaker so.", "upstream", "state")
REASON = _gauge("pylo_upstream_reason", "1 for why the breaker is not closed.", "upstream", "reason", merge=Merge.MAX)
PROBE_IN = _gauge(
    "pylo_upstream_probe_in_seconds", "Until the next probe of an open upstream.", "upstream", merge=Merge.MIN
)
THROTTLED = _gauge(
    "pylo_upstream_throttled_seconds", "For how long it asked us to stay away.", "upstream", merge=Merge.MAX
)
SUSPECT = _gauge("pylo_upstream_suspect", "How many processes prefer another one for now.", "upstream")
DRAINING = _gauge("pylo_upstream_draining", "1 while an operator has drained it.", "upstream", merge=Merge.MAX)
SHARE = _gauge("pylo_upstream_share", "The least share of its traffic that it is given.", "upstream", merge=Merge.MIN)
CALLS = _gauge("pylo_upstream_in_flight", "Calls that hold a place of the upstream.", "upstream")
PLACES = _gauge("pylo_upstream_places", "Calls that it may have at once now.", "upstream")
TRIPS = _counter("pylo_breaker_trips", "How often the upstream's breaker opened.", "upstream")

FAMILIES = (
    *(
        DURATION,
        FIRST_TOKEN,
        UPSTREAM_FIRST_TOKEN,
        EACH_TOKEN,
        TOKEN_USAGE,
        REQUESTS,
        ATTEMPTS,
        FAILOVERS,
        SHEDS,
        REFUSALS,
        IDEMPOTENCY,
    ),
    *(BAD_TOOL_CALLS, OWN_TIME, FSYNC, JOURNAL_FAILURES, DROPPED, PROCESSES, IN_FLIGHT, BODY_BYTES, LOOP_LAG),
    *(STATE, REASON, PROBE_IN, THROTTLED, SUSPECT, DRAINING, SHARE, CALLS, PLACES, TRIPS),
)
