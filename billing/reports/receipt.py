"""The receipt of one request, signed, with the way to the root of its invoice; and what an invoice's statement says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from billing import merkle, receipt_trees, receipts, signing, statements
from billing.models import Invoice, InvoiceLine, RequestRecord

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import Workspace
    from billing.receipt_trees import Proof
    from billing.receipts import Facts
    from billing.signing import Keys, Signature
    from billing.statements import Statement

PREFIX = "req_"


@dataclass(frozen=True, slots=True)
class Invoiced:
    """The invoice a request is on. Without a root it was issued before there were any; without a proof see there."""

    number: str
    root: str
    proof: Proof | None
    holds: bool  # the proof leads from this receipt to the root


@dataclass(frozen=True, slots=True)
class Receipt:
    record: RequestRecord
    facts: Facts
    leaf: str
    signature: Signature
    invoiced: Invoiced | None

    @property
    def arithmetic(self) -> str:
        return receipts.written_out(self.facts)


@dataclass(frozen=True, slots=True)
class Signed:
    """An invoice's statement and who signed it."""

    statement: Statement
    signature: Signature


def keys() -> Keys:
    return _keys(tuple(settings.PYLO_RECEIPT_KEYS))


def find(workspace_id: UUID, name: str) -> RequestRecord | None:
    """Return the workspace's request of that id: Pylo's own first, else the newest of that X-Request-Id."""
    records = RequestRecord.objects.filter(workspace=workspace_id)
    for one in dict.fromkeys((name, name.rstrip("/"))):
        uid = own(one)
        found = uid and _with_price(records.filter(uid=uid)).first()
        found = found or _with_price(records.filter(request_id=one).order_by("-admitted_at", "-uid")).first()
        if found:
            return found
    return None


def own(name: str) -> UUID | None:
    """Return the uid in an id of Pylo's own."""
    try:
        return UUID(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
    except ValueError:
        return None


def of(workspace: Workspace, uid: UUID) -> Receipt | None:
    """Return the receipt of that request, if it is this workspace's."""
    record = _with_price(RequestRecord.objects.filter(workspace=workspace, uid=uid)).first()
    return receipt(record) if record else None


def receipt(record: RequestRecord) -> Receipt:
    facts = receipt_trees.facts(record, record.price)
    leaf = receipt_trees.leaf(facts)
    signature = keys().sign(receipts.signed_text(facts, record.request_id))
    return Receipt(record, facts, leaf.hex(), signature, _invoiced(record, leaf))


def signed_statement(workspace: Workspace, number: str) -> Signed | None:
    """Return what the invoice of that number states, if it is this workspace's and has a root."""
    invoice = Invoice.objects.filter(workspace=workspace, number=number).defer("pdf", "seller", "buyer").first()
    if invoice is None or not invoice.merkle_root:
        return None
    stated = statement(invoice)
    return Signed(stated, keys().sign(statements.signed_text(stated)))


def statement(invoice: Invoice) -> Statement:
    lines = InvoiceLine.objects.filter(invoice=invoice).order_by("position")
    return statements.Statement(
        number=invoice.number,
        workspace_id=invoice.workspace_id,
        period_start=invoice.period_start,
        period_end=invoice.period_end,
        requests=invoice.requests,
        usage_nanos=invoice.usage_nanos,
        waived_nanos=invoice.waived_nanos,
        total_cents=sum(line.cents for line in lines),
        merkle_root=invoice.merkle_root,
        pdf_sha256=invoice.pdf_sha256,
        lines=tuple(map(_line, lines)),
    )


def _line(line: InvoiceLine) -> statements.Line:
    return statements.Line(
        item=line.item,
        model=line.model,
        tokens=line.tokens,
        unit_nanos=line.unit_nanos,
        exact_nanos=line.exact_nanos,
        carried_in_nanos=line.carried_in_nanos,
        cents=line.cents,
        carried_out_nanos=line.carried_out_nanos,
    )


def _invoiced(record: RequestRecord, leaf: bytes) -> Invoiced | None:
    invoice = record.invoice
    if invoice is None:
        return None
    proof = receipt_trees.proof(invoice, record.uid) if invoice.merkle_root else None
    return Invoiced(invoice.number, invoice.merkle_root, proof, proof is not None and _holds(invoice, leaf, proof))


def _holds(invoice: Invoice, leaf: bytes, proof: Proof) -> bool:
    led = merkle.root_by(leaf, proof.index, proof.leaves, [bytes.fromhex(one) for one in proof.path])
    return led is not None and led.hex() == invoice.merkle_root


def _with_price(records: QuerySet[RequestRecord]) -> QuerySet[RequestRecord]:
    return records.select_related("price", "invoice").defer("invoice__pdf", "invoice__seller", "invoice__buyer")


@lru_cache(maxsize=2)
def _keys(written: tuple[str, ...]) -> Keys:
    return signing.keys(written)
