"""What the management API answers with, field by field: the OpenAPI document is made of this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ninja import Field, Schema

from billing import receipts

if TYPE_CHECKING:
    from billing.reports.receipt import Invoiced, Receipt

EXAMPLE = "(1234 − 1000) × 900 + 1000 × 180 + 567 × 3900 = 2 601 900 n$"


class ErrorBody(Schema):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorEnvelope(Schema):
    error: ErrorBody


class RecordOut(Schema):
    """How the request ended. Money is nano-dollars: 1 000 000 000 are one US dollar."""

    model: str
    stream: bool
    admitted_at: str
    upstream: str
    attempts: int
    status: int = Field(description="the HTTP status that was sent")
    outcome: str
    finish_reason: str
    error_code: str
    prompt_tokens: int
    cached_tokens: int = Field(description="part of prompt_tokens")
    completion_tokens: int
    reasoning_tokens: int = Field(description="part of completion_tokens")
    usage_source: str
    first_token_ms: int | None
    duration_ms: int
    cost_nanos: int = Field(description="charged")
    waived_nanos: int = Field(description="what it would have cost, where it was not charged")


class ProofOut(Schema):
    """An RFC 9162 inclusion proof: the leaf at `index` of `leaves`; `path` in hexadecimal, the lowest hash first."""

    index: int
    leaves: int
    path: list[str]


class InvoiceOut(Schema):
    number: str
    merkle_root: str = Field(description="hexadecimal, as the invoice prints it; empty on invoices older than receipts")
    proof: ProofOut | None


class RequestOut(Schema):
    """One request, its cost written out, and its receipt with a signature that anybody can verify."""

    object: str = "request"
    id: str
    request_id: str
    record: RecordOut
    arithmetic: str = Field(examples=[EXAMPLE])
    receipt: dict[str, str | int] = Field(description="the facts that are signed; RFC 8785 has their canonical form")
    receipt_hash: str = Field(description="SHA-256 of a zero byte and the receipt: its leaf in the invoice's tree")
    signature: str = Field(description="Ed25519 over the canonical form of this receipt and request_id, base64")
    signing_key_id: str = Field(description="one of /.well-known/pylo-receipt-keys.json")
    invoice: InvoiceOut | None = Field(description="null until it is on one")


def request_out(found: Receipt) -> RequestOut:
    record = found.record
    own: dict[str, Any] = {name: getattr(record, name) for name in RecordOut.model_fields if name != "admitted_at"}
    return RequestOut(
        id=f"req_{record.uid}",
        request_id=record.request_id,
        record=RecordOut(admitted_at=receipts.moment(record.admitted_at), **own),
        arithmetic=found.arithmetic,
        receipt=receipts.content(found.facts),
        receipt_hash=found.leaf,
        signature=found.signature.text,
        signing_key_id=found.signature.key_id,
        invoice=_invoice_out(found.invoiced) if found.invoiced else None,
    )


def _invoice_out(invoiced: Invoiced) -> InvoiceOut:
    proof = invoiced.proof
    shown = ProofOut(index=proof.index, leaves=proof.leaves, path=list(proof.path)) if proof else None
    return InvoiceOut(number=invoiced.number, merkle_root=invoiced.root, proof=shown)
