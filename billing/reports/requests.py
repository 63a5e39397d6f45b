"""The request log of a workspace, newest first; a place in it is a uid, so every page costs the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Q

from billing.models import RequestRecord
from billing.reports.reasons import Reason, reason
from gateway.usage import CHARGED, Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from accounts.models import ApiKey, Workspace
    from billing.models import Invoice

PAGE = 50
PREFIX = "req_"
SHORT, TAIL = 16, 8


@dataclass(frozen=True, slots=True)
class Filters:
    """What to list; nothing set lists all. `charged` is None for both kinds."""

    outcome: Outcome | None = None
    charged: bool | None = None
    key: ApiKey | None = None
    invoice: Invoice | None = None
    request_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One request as a line of the log."""

    uid: UUID
    request_id: str
    admitted_at: datetime
    key_name: str
    key_masked: str
    reason: Reason
    status: int
    input: int
    cached: int
    completion: int
    first_token_ms: int | None
    tokens_per_second: int | None
    cost_nanos: int
    waived_nanos: int

    @property
    def short_id(self) -> str:
        """Return enough of the id to tell it in a list; the start of Pylo's own ids is only the time."""
        if self.request_id.startswith(PREFIX) and len(self.request_id) > SHORT:
            return f"{PREFIX}…{self.request_id[-TAIL:]}"
        return self.request_id if len(self.request_id) <= SHORT else f"{self.request_id[: SHORT - 1]}…"


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and where the neighbouring pages start: `before` for older rows, `after` for newer ones."""

    rows: tuple[Row, ...]
    before: UUID | None
    after: UUID | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the log a page begins: next to this request, on its older or its newer side."""

    uid: UUID
    newer: bool = False


def page(workspace: Workspace, filters: Filters, place: Place | None = None, *, size: int = PAGE) -> Page:
    """Return up to `size` requests; a `place` that is not in the log of this workspace is the newest page."""
    records = matching(workspace, filters).select_related("key")
    at = place and RequestRecord.objects.filter(workspace=workspace, uid=place.uid).values("admitted_at", "uid").first()
    if place is not None and place.newer and at:
        side = Q(admitted_at=at["admitted_at"], uid__gt=at["uid"]) | Q(admitted_at__gt=at["admitted_at"])
        found = list(
            records.filter(side, admitted_at__gte=at["admitted_at"]).order_by("admitted_at", "uid")[: size + 1]
        )
        more, shown = len(found) > size, found[:size][::-1]
        return Page(tuple(map(row, shown)), shown[-1].uid if shown else None, shown[0].uid if more else None)
    if at:
        side = Q(admitted_at=at["admitted_at"], uid__lt=at["uid"]) | Q(admitted_at__lt=at["admitted_at"])
        records = records.filter(side, admitted_at__lte=at["admitted_at"])
    found = list(records.order_by("-admitted_at", "-uid")[: size + 1])
    more, shown = len(found) > size, found[:size]
    return Page(tuple(map(row, shown)), shown[-1].uid if more else None, shown[0].uid if at and shown else None)


def matching(workspace: Workspace, filters: Filters) -> QuerySet[RequestRecord]:
    wanted = Q(workspace=workspace)
    if filters.outcome is not None:
        wanted &= Q(outcome=filters.outcome)
    if filters.charged is not None:
        wanted &= Q(outcome__in=CHARGED) if filters.charged else ~Q(outcome__in=CHARGED)
    if filters.key is not None:
        wanted &= Q(key=filters.key)
    if filters.invoice is not None:
        # The end holds for all of them, and lets Postgres begin there in the order of the list.
        wanted &= Q(invoice=filters.invoice, admitted_at__lt=filters.invoice.period_end)
    if filters.request_id:
        wanted &= _named(filters.request_id)
    if filters.since is not None:
        wanted &= Q(admitted_at__gte=filters.since)
    if filters.until is not None:
        wanted &= Q(admitted_at__lt=filters.until)
    return RequestRecord.objects.filter(wanted)


def _named(request_id: str) -> Q:
    """Match the X-Request-Id, or Pylo's own id with or without its prefix."""
    try:
        return Q(request_id=request_id) | Q(uid=UUID(request_id.removeprefix(PREFIX)))
    except ValueError:
        return Q(request_id=request_id)


def row(record: RequestRecord) -> Row:
    return Row(
        uid=record.uid,
        request_id=record.request_id,
        admitted_at=record.admitted_at,
        key_name=record.key.name,
        key_masked=record.key.masked,
        reason=reason(Outcome(record.outcome)),
        status=record.status,
        input=record.prompt_tokens - record.cached_tokens,
        cached=record.cached_tokens,
        completion=record.completion_tokens,
        first_token_ms=record.first_token_ms,
        tokens_per_second=speed(record.completion_tokens, record.first_token_ms, record.duration_ms),
        cost_nanos=record.cost_nanos,
        waived_nanos=record.waived_nanos,
    )


def speed(completion: int, first_token_ms: int | None, duration_ms: int) -> int | None:
    """Return tokens a second from the first token to the end, rounded; None where there is no such time."""
    if first_token_ms is None or completion < 1 or duration_ms <= first_token_ms:
        return None
    elapsed = duration_ms - first_token_ms
    return (completion * 1000 + elapsed // 2) // elapsed
