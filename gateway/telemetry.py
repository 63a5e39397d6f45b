"""What is logged of a request: one line of allow-listed fields. Never a path, a header, a body or an error's text."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING

from gateway.faults import FaultKind

if TYPE_CHECKING:
    from gateway.faults import UpstreamFault
    from gateway.meter import Meter

access_log = logging.getLogger("pylo.access")
fault_log = logging.getLogger("pylo.upstream")
error_log = logging.getLogger("pylo.gateway")


@dataclass(slots=True, kw_only=True)
class Access:
    """One request as the log shows it."""

    pylo_request_id: str
    x_request_id: str
    method: str = ""
    route: str = ""  # a template, never the path that came
    status: int = 0
    duration_ms: int = 0
    outcome: str = ""
    error_code: str = ""
    upstream: str = ""
    attempts: int = 0
    tries: str = ""  # of each attempt the upstream, its fault or ok, its status and its time
    shed: str = ""  # why it was refused, or no other upstream could be asked
    first_token_ms: int | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    beyond_tokens: int = 0  # which the upstream told of beyond what was held for, and which are not charged
    bad_tool_calls: int = 0  # whose arguments are no JSON object
    workspace_id: str = ""
    key_id: str = ""

    def take(self, meter: Meter) -> None:
        """Copy how the request ended."""
        record = meter.record
        if record is None:
            return
        self.outcome, self.error_code = record.outcome, record.error_code
        self.tries, self.shed = str(meter.tries), meter.shed
        self.upstream, self.attempts, self.first_token_ms = record.upstream, record.attempts, record.first_token_ms
        tokens = record.tokens
        self.prompt_tokens, self.cached_tokens = tokens.prompt, tokens.cached
        self.completion_tokens, self.reasoning_tokens = tokens.completion, tokens.reasoning
        self.beyond_tokens = meter.beyond
        self.bad_tool_calls = meter.bad_tool_calls


ACCESS_FIELDS = tuple(field.name for field in fields(Access))
_values = attrgetter(*ACCESS_FIELDS)  # `asdict` copies what is in the fields, too: most of the line's time
FAULT_FIELDS = ("fault", "upstream_status")
CRASH_FIELDS = ("crash", "frames")
FIELDS = frozenset({*ACCESS_FIELDS, *FAULT_FIELDS, *CRASH_FIELDS})


def access(line: Access) -> None:
    access_log.info("request", extra=dict(zip(ACCESS_FIELDS, _values(line), strict=True)))


def fault(own_id: str, upstream: str, fault: UpstreamFault) -> None:
    """Log a failed attempt; one that refuses our account is an error, lest it goes unseen because another answered."""
    extra = {"pylo_request_id": own_id, "upstream": upstream, "fault": fault.kind, "upstream_status": fault.status}
    level = logging.ERROR if fault.kind is FaultKind.ACCOUNT else logging.WARNING
    fault_log.log(level, "upstream attempt failed", extra=extra)


def crash(own_id: str, error: BaseException) -> None:
    """Log where a bug is. The error's text and the locals stay out: either may quote a prompt."""
    frames = [f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in traceback.extract_tb(error.__traceback__)]
    extra = {"pylo_request_id": own_id, "crash": type(error).__qualname__, "frames": frames[-8:]}
    error_log.error("request crashed", extra=extra)
