"""The only writer of request records, postings and balances. Whatever comes twice is written once.

Every writer locks the balance rows first, in the order of their workspace ids: so writers queue instead of
deadlocking, and whoever holds a workspace's balance (`invoicing.issue`) sees its set of records stand still.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import DataError, IntegrityError, connection, transaction

from billing import grants, postings, recording, spends, unbilled
from billing.errors import BillingError
from billing.models import CUSTOMER, Account, CreditGrant, JournalOffset, JournalWriter, Posting
from billing.postings import Movement, Side
from billing.recording import Unrecordable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from accounts.models import Workspace
    from billing.recording import Inserted
    from gateway.usage import RequestRecord

log = structlog.get_logger(__name__)

Kind = Posting.Kind
AGAINST = {  # what is on the other side of credit
    Kind.SIGNUP_CREDIT: Account.PROMOTIONS,
    Kind.PROMOTION: Account.PROMOTIONS,
    Kind.TOP_UP: Account.PSP_CLEARING,
    Kind.PAYMENT: Account.PSP_CLEARING,
    Kind.REFUND: Account.PSP_CLEARING,
    Kind.CREDIT_NOTE: Account.REFUNDS,
    Kind.TAX: Account.TAX,
    Kind.ADJUSTMENT: Account.ADJUSTMENTS,
}
BURIED_FOR = timedelta(days=7)  # a writer is remembered
PROMOTIONAL = frozenset({Kind.SIGNUP_CREDIT, Kind.PROMOTION})

_LOCK = "SELECT workspace_id FROM billing_balance WHERE workspace_id = ANY(%s) ORDER BY workspace_id FOR UPDATE"
_OPEN = """
INSERT INTO billing_balance (workspace_id, nanos, credit_line_nanos)
SELECT unnest(%s::uuid[]), 0, 0 ON CONFLICT (workspace_id) DO NOTHING
"""
_CHANGED = "UPDATE billing_balance SET version = version + 1 WHERE workspace_id = %s"
_SHIPPED = """
INSERT INTO billing_journaloffset (segment, shipped) VALUES (%s, %s)
ON CONFLICT (segment) DO UPDATE SET shipped = excluded.shipped
"""


class NotCredit(BillingError):  # noqa: N818 - reads as what it is
    """The posting cannot be made of one amount."""


@dataclass(frozen=True, slots=True)
class Appended:
    inserted: int
    duplicates: int  # were there before, under the same uid
    cost_nanos: int


def append(
    records: Sequence[RequestRecord], *, segment: str, shipped: int, recorded_at: datetime, batch: UUID | None = None
) -> Appended:
    """Write the records that are not there yet, charge them, and remember how far the segment is shipped: all or none.

    What a workspace is charged is one posting, `usage:<batch>:<workspace>`. Raises `Unrecordable`, naming the first
    record that can never be written; nothing is written then.
    """
    batch = batch or uuid.uuid4()
    rows = recording.rows(records, batch=batch, recorded_at=recorded_at)
    try:
        with transaction.atomic():
            inserted = _append(rows, batch, recorded_at)
            with connection.cursor() as cursor:
                cursor.execute(_SHIPPED, [segment, shipped])
    except (DataError, IntegrityError, UnicodeEncodeError):
        _name_the_culprit(rows, batch, recorded_at)
        raise
    count = sum(each.sums.requests for each in inserted)
    if count < len(rows):
        for uid in recording.conflicts(rows):
            log.error("ledger_conflict", pylo_request_id=f"req_{uid}")
    return Appended(count, len(records) - count, sum(each.sums.cost_nanos for each in inserted))


def shipped_offset(segment: str) -> int:
    return JournalOffset.objects.filter(segment=segment).values_list("shipped", flat=True).first() or 0


def forget(segment: str) -> None:
    """Drop the offset of a segment whose file is gone."""
    JournalOffset.objects.filter(segment=segment).delete()


def bury(writer: str, at: datetime) -> None:
    """Note that all is shipped that a gateway's process journalled, and that it is no more."""
    JournalWriter.objects.update_or_create(
        name=writer, defaults={"buried_at": at}, create_defaults={"opened_at": at, "buried_at": at}
    )
    JournalWriter.objects.filter(buried_at__lt=at - BURIED_FOR).delete()


def credit(  # noqa: PLR0913 - one amount, and all that is told of it
    *,
    workspace: Workspace,
    kind: Posting.Kind,
    nanos: int,
    key: str,
    note: str = "",
    at: datetime,
    expires_at: datetime | None = None,
) -> bool:
    """Move the balance by `nanos` once for `key`; say whether this call did it. False: it was posted before.

    Promotional credit is a grant of its own, and may expire.
    """
    promotional = kind in PROMOTIONAL
    if kind not in AGAINST or (promotional and nanos <= 0) or (expires_at is not None and not promotional):
        raise NotCredit(f"{kind} of {nanos} n$, expiring {expires_at}")
    with transaction.atomic():
        lock([workspace.id])
        movement = Movement(workspace_id=workspace.id, kind=kind, nanos=nanos, key=key, note=note, at=at)
        posting = postings.begin([movement]).get(key)
        if posting is None:
            return False
        if promotional:
            grant = CreditGrant.objects.create(
                workspace=workspace,
                posting_id=posting,
                nanos=nanos,
                left_nanos=nanos,
                granted_at=at,
                expires_at=expires_at,
            )
            customer = Side(Account.CUSTOMER_PROMO, nanos, grant.id)
        else:
            customer = Side(Account.CUSTOMER_PAID, nanos)
        sides = ((posting, customer), (posting, Side(AGAINST[kind], -nanos)))
        if nanos:
            postings.enter(sides, {posting: workspace.id})
        return True


def post(
    *, workspace: Workspace, kind: Posting.Kind, key: str, at: datetime, sides: Sequence[Side], note: str = ""
) -> bool:
    """Write a posting of any sides, which sum to zero, once for `key`; say whether this call did it."""
    if sum(side.nanos for side in sides):
        raise NotCredit(f"the sides of {key} do not sum to zero")
    nanos = sum(side.nanos for side in sides if side.account in CUSTOMER)
    with transaction.atomic():
        lock([workspace.id])
        movement = Movement(workspace_id=workspace.id, kind=kind, nanos=nanos, key=key, note=note, at=at)
        posting = postings.begin([movement]).get(key)
        if posting is None:
            return False
        postings.enter([(posting, side) for side in sides], {posting: workspace.id})
        return True


def open_balance(*, workspace: Workspace, credit_nanos: int, at: datetime, expires_at: datetime | None = None) -> None:
    """Give a new workspace its balance, and its sign-up credit when there is any. Safe to repeat."""
    with transaction.atomic():
        lock([workspace.id])
        if credit_nanos > 0:
            credit(
                workspace=workspace,
                kind=Kind.SIGNUP_CREDIT,
                nanos=credit_nanos,
                key=f"signup:{workspace.id}",
                at=at,
                expires_at=expires_at,
            )


def changed(workspace: UUID) -> None:
    """Tell the gateways to read the workspace's limits anew; in the transaction that changes them."""
    with transaction.atomic(), connection.cursor() as cursor:
        lock([workspace])
        cursor.execute(_CHANGED, [workspace])


def lock(workspaces: Collection[UUID]) -> None:
    """Hold these workspaces' balances until the transaction ends; a workspace without one gets it."""
    wanted = list(workspaces)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [wanted])
        if cursor.rowcount < len(wanted):
            cursor.execute(_OPEN, [sorted(wanted)])
            cursor.execute(_LOCK, [wanted])


def _append(rows: Sequence[recording.Row], batch: UUID, at: datetime) -> list[Inserted]:
    """Insert and charge, inside the caller's transaction."""
    if not rows:
        return []
    lock({row.workspace_id for row in rows})
    inserted = recording.insert(rows)
    spends.move(inserted)
    unbilled.move(inserted)
    costs: defaultdict[UUID, int] = defaultdict(int)
    for each in inserted:
        costs[each.workspace_id] += each.sums.cost_nanos
    _charge({workspace: cost for workspace, cost in costs.items() if cost}, batch, at)
    return inserted


def _charge(costs: Mapping[UUID, int], batch: UUID, at: datetime) -> None:
    """Post what each workspace is charged for the batch."""
    if not costs:
        return
    movements = [
        Movement(workspace_id=workspace, kind=Kind.USAGE, nanos=-cost, key=f"usage:{batch}:{workspace}", at=at)
        for workspace, cost in sorted(costs.items())
    ]
    posted = postings.begin(movements)
    workspaces = {posted[each.key]: each.workspace_id for each in movements}
    taken = grants.take(costs, at)
    sides = []
    for posting, workspace in workspaces.items():
        of = taken[workspace]
        sides += [(posting, Side(Account.CUSTOMER_PROMO, -nanos, grant)) for grant, nanos in of.of_grants]
        sides.append((posting, Side(Account.CUSTOMER_PAID, -of.of_paid)))
        sides.append((posting, Side(Account.REVENUE, costs[workspace])))
    postings.enter(sides, workspaces)


def _name_the_culprit(rows: Sequence[recording.Row], batch: UUID, at: datetime) -> None:
    """Postgres refuses a batch without saying which row it was for: halve it until one is left, and undo each try."""
    if not _refused(rows, batch, at):
        return
    while len(rows) > 1:
        half = rows[: len(rows) // 2]
        rows = half if _refused(half, batch, at) else rows[len(half) :]
    if reason := _refused(rows, batch, at):
        raise Unrecordable(rows[0].uid, reason)


def _refused(rows: Sequence[recording.Row], batch: UUID, at: datetime) -> str:
    """Return why Postgres refuses these rows; empty when it does not. Nothing is kept."""
    try:
        with transaction.atomic():
            _append(rows, batch, at)
            transaction.set_rollback(True)
    except (DataError, IntegrityError, UnicodeEncodeError) as error:
        return str(error).splitlines()[0] or type(error).__name__
    return ""
