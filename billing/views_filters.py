"""What a page's address asks for. An address that no page makes, or that names another workspace's, is a 404."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from django.http import Http404
from django.utils.dateparse import parse_datetime

from accounts.models import ApiKey
from billing.models import Invoice
from billing.reports.reasons import reason
from billing.reports.requests import Filters, Place
from gateway.usage import Outcome

if TYPE_CHECKING:
    from accounts.tenancy import MemberRequest

Named = TypeVar("Named", bound=StrEnum)
CHARGED, FREE = "charged", "free"
DIGITS = 18  # that the database's integers surely hold


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter: a link, or an option of a select."""

    value: str
    label: str
    current: bool


def one_of(request: MemberRequest, name: str, default: Named) -> Named:
    try:
        return type(default)(request.GET.get(name) or default)
    except ValueError as error:
        raise Http404 from error


def key(request: MemberRequest) -> ApiKey | None:
    """Return the key of this workspace that `?key=` names; None when it names none."""
    asked = _uuid(request, "key")
    if asked is None:
        return None
    found = ApiKey.objects.filter(workspace=request.workspace, id=asked).first()
    if found is None:
        raise Http404
    return found


def keys(request: MemberRequest, current: ApiKey | None) -> tuple[Choice, ...]:
    """Return every key of the workspace, revoked ones too: their usage is still there."""
    found = ApiKey.objects.filter(workspace=request.workspace).order_by("name", "created_at")
    return tuple(Choice(str(item.id), f"{item.name} ({item.masked})", current=item == current) for item in found)


def outcomes(request: MemberRequest) -> tuple[Choice, ...]:
    asked = request.GET.get("outcome", "")
    words = ((CHARGED, "Charged"), (FREE, "Not charged"), *((each.value, reason(each).label) for each in Outcome))
    return tuple(Choice(value, label, current=value == asked) for value, label in words)


def filters(request: MemberRequest) -> Filters:
    """Return what the request log is narrowed to."""
    asked = request.GET.get("outcome", "")
    every = asked in {"", CHARGED, FREE}
    return Filters(
        outcome=None if every else one_of(request, "outcome", Outcome.COMPLETED),
        charged={CHARGED: True, FREE: False}.get(asked),
        key=key(request),
        invoice=_invoice(request),
        request_id=_text(request, "id").strip()[:200],
        since=_moment(request, "since"),
        until=_moment(request, "until"),
    )


def place(request: MemberRequest) -> Place | None:
    """Return where in the log the page begins."""
    before, after = _uuid(request, "before"), _uuid(request, "after")
    if before is not None:
        return Place(before)
    return Place(after, newer=True) if after is not None else None


def number(request: MemberRequest, name: str) -> int | None:
    text = _text(request, name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
        raise Http404
    return int(text)


def _text(request: MemberRequest, name: str) -> str:
    text = request.GET.get(name, "")
    if "\0" in text:  # which Postgres has no text for
        raise Http404
    return text


def _uuid(request: MemberRequest, name: str) -> UUID | None:
    text = _text(request, name)
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error


def _moment(request: MemberRequest, name: str) -> datetime | None:
    text = _text(request, name)
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError as error:
        raise Http404 from error
    if found is None:
        raise Http404
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError as error:  # a moment that exists in its own zone only
        raise Http404 from error


def _invoice(request: MemberRequest) -> Invoice | None:
    number = _text(request, "invoice")
    if not number:
        return None
    found = Invoice.objects.filter(workspace=request.workspace, number=number).only("number").first()
    if found is None:
        raise Http404
    return found
