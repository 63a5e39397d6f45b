"""The tree over an invoice's receipts: its root, made once when the invoice is, and the proofs that lead to it.

The leaves are receipts in order of their uids. Records come row by row from a server-side cursor, so what is held is
one hash a level, one a part, and one part: a few hundred KB for a million.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from billing import merkle, receipts
from billing.models import Price, ReceiptTree, RequestRecord
from billing.receipts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet

    from billing.models import Invoice

PART = 512  # leaves; a power of two. A proof reads this many records, and a root for each part
ROWS = 2000  # fetched at once
UID_BYTES, HASH_BYTES = 16, 32
_COLUMNS = (
    *("uid", "workspace_id", "key_id", "model", "admitted_at", "outcome"),
    *("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "usage_source", "price_id"),
    *("cost_nanos", "waived_nanos"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """Up to `PART` leaves: the uid of the first, and the root over them."""

    first: UUID
    root: bytes


@dataclass(frozen=True, slots=True)
class Tree:
    leaves: int
    root: bytes
    parts: tuple[Part, ...]

    @property
    def stored(self) -> bytes:
        return b"".join(part.first.bytes + part.root for part in self.parts)


@dataclass(frozen=True, slots=True)
class Proof:
    """That a receipt is the leaf at `index` of `leaves`; `path` is hexadecimal, the lowest hash first."""

    index: int
    leaves: int
    path: tuple[str, ...]


def facts(record: RequestRecord, price: Price) -> Facts:
    """Return what the record's receipt states; `price` is the record's own."""
    return _facts(tuple(getattr(record, name) for name in _COLUMNS), price)


def facts_of(records: QuerySet[RequestRecord]) -> Iterator[Facts]:
    """Yield the facts of each, in order of their uids, without holding them all."""
    prices = Price.objects.in_bulk()
    for row in records.order_by("uid").values_list(*_COLUMNS).iterator(chunk_size=ROWS):
        yield _facts(row, prices[row[_COLUMNS.index("price_id")]])


def tree(every: Iterable[Facts]) -> Tree:
    """Hash the receipts, which come in order of their uids."""
    parts: list[Part] = []
    hashes: list[bytes] = []
    first = UUID(int=0)
    leaves = 0
    for one in every:
        first = first if hashes else one.uid
        hashes.append(leaf(one))
        leaves += 1
        if len(hashes) == PART:
            parts.append(Part(first, merkle.root(hashes)))
            hashes = []
    if hashes:
        parts.append(Part(first, merkle.root(hashes)))
    return Tree(leaves, merkle.root(part.root for part in parts), tuple(parts))


def leaf(one: Facts) -> bytes:
    return merkle.leaf(receipts.receipt(one))


def keep(invoice: Invoice, made: Tree) -> None:
    ReceiptTree.objects.create(invoice=invoice, parts=made.stored)


def proof(invoice: Invoice, uid: UUID) -> Proof | None:
    """Return the way from the receipt of one of the invoice's requests to its root.

    None where the tree was not kept, or a record of the same part is gone: months are dropped in time.
    """
    kept = ReceiptTree.objects.filter(invoice=invoice).first()
    if kept is None:
        return None
    parts = _read(bytes(kept.parts))
    number = bisect_right(parts, uid, key=lambda part: part.first) - 1
    records = RequestRecord.objects.filter(invoice=invoice, uid__gte=parts[number].first)
    if number + 1 < len(parts):
        records = records.filter(uid__lt=parts[number + 1].first)
    here = list(facts_of(records))
    place = next((place for place, one in enumerate(here) if one.uid == uid), None)
    if place is None or len(here) != min(PART, invoice.requests - number * PART):
        return None
    inside = merkle.path(place, list(map(leaf, here)))
    above = merkle.path(number, [part.root for part in parts])
    return Proof(number * PART + place, invoice.requests, tuple(one.hex() for one in (*inside, *above)))


def changed(stored: bytes, made: Tree) -> list[Part]:
    """Return the parts as they were kept whose receipts are others now."""
    return sorted(set(_read(stored)) - set(made.parts), key=lambda part: part.first)


def _read(stored: bytes) -> list[Part]:
    size = UID_BYTES + HASH_BYTES
    cut = [stored[start : start + size] for start in range(0, len(stored), size)]
    return [Part(UUID(bytes=one[:UID_BYTES]), one[UID_BYTES:]) for one in cut]


def _facts(row: tuple[Any, ...], price: Price) -> Facts:
    return Facts(
        **dict(zip(_COLUMNS, row, strict=True)),  # the columns are named as the facts are
        input_nanos=price.input_nanos,
        cached_nanos=price.cached_nanos,
        output_nanos=price.output_nanos,
    )
