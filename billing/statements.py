"""What is signed of an invoice: its lines, its total and the root over its receipts, as one canonical text. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from billing.receipts import canonical, moment

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

FORMAT = "pylo-invoice-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """As `models.InvoiceLine` has it."""

    item: str
    model: str
    tokens: int
    unit_nanos: int
    exact_nanos: int
    carried_in_nanos: int
    cents: int
    carried_out_nanos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """An issued invoice. `merkle_root` and `pdf_sha256` are hexadecimal; `total_cents` is the sum of the lines."""

    number: str
    workspace_id: UUID
    period_start: datetime
    period_end: datetime
    requests: int
    usage_nanos: int
    waived_nanos: int
    total_cents: int
    merkle_root: str
    pdf_sha256: str
    lines: tuple[Line, ...]


def content(statement: Statement) -> dict[str, object]:
    """Return the members of the signed text."""
    return {
        "format": FORMAT,
        "lines": [asdict(line) for line in statement.lines],
        "merkle_root": statement.merkle_root,
        "number": statement.number,
        "pdf_sha256": statement.pdf_sha256,
        "period_end": moment(statement.period_end),
        "period_start": moment(statement.period_start),
        "requests": statement.requests,
        "total_cents": statement.total_cents,
        "usage_nanos": statement.usage_nanos,
        "waived_nanos": statement.waived_nanos,
        "workspace_id": str(statement.workspace_id),
    }


def signed_text(statement: Statement) -> bytes:
    return canonical(content(statement))
