"""A workspace's balance, and what was put on it or taken off it by anything but usage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.models import Balance, Posting

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import Workspace

PAGE = 50


@dataclass(frozen=True, slots=True)
class Funds:
    """What is there to spend: requests are admitted while anything is."""

    nanos: int
    credit_line_nanos: int

    @property
    def spendable_nanos(self) -> int:
        return max(0, self.nanos + self.credit_line_nanos)


@dataclass(frozen=True, slots=True)
class Entry:
    posted_at: datetime
    kind: str
    note: str
    nanos: int


@dataclass(frozen=True, slots=True)
class Entries:
    """Postings, newest first; `before` leads to older ones."""

    rows: tuple[Entry, ...]
    before: int | None


def funds(workspace: Workspace) -> Funds:
    found = Balance.objects.filter(workspace=workspace).first()
    return Funds(found.nanos, found.credit_line_nanos) if found else Funds(0, 0)


def entries(workspace: Workspace, *, before: int | None = None, size: int = PAGE) -> Entries:
    postings = Posting.objects.filter(workspace=workspace).exclude(kind=Posting.Kind.USAGE)
    if before is not None:
        postings = postings.filter(id__lt=before)
    found = list(postings.order_by("-id")[: size + 1])
    shown = found[:size]
    rows = tuple(Entry(item.posted_at, Posting.Kind(item.kind).label, item.note, item.nanos) for item in shown)
    return Entries(rows, shown[-1].id if len(found) > size else None)
