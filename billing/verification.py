"""Is an issued invoice what its records say? Recomputes each receipt, the root, the lines, the total, the PDF's hash.

Reads only, row by row; what is wrong is told in words, with the row named.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from billing import partitions, receipt_trees
from billing.models import Invoice, InvoiceLine, ReceiptTree, RequestRecord
from billing.money import NANOS_PER_CENT
from billing.pricing import charged
from gateway.usage import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from billing.receipt_trees import Tree
    from billing.receipts import Facts

EVERY = 50_000  # rows between two words of progress
MOST_NAMED = 100  # rows that do not add up: past these they are only counted
Key = tuple[str, str, int]  # item, model, nano-dollars a token
Item = InvoiceLine.Item


@dataclass(slots=True)
class _Counted:
    """What the records come to."""

    requests: int = 0
    free: int = 0
    cost: int = 0
    waived: int = 0
    tokens: Counter[Key] = field(default_factory=Counter)
    wrong: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, one: Facts) -> None:
        pays = charged(Outcome(one.outcome))
        self.requests += 1
        self.free += not pays
        self.cost += one.cost_nanos
        self.waived += one.waived_nanos
        if not one.adds_up or (one.waived_nanos if pays else one.cost_nanos):
            self.wrong += 1
            if self.wrong <= MOST_NAMED:
                due = f"its tokens come to {one.total_nanos} n$ {'charged' if pays else 'waived'}"
                has = f"it has {one.cost_nanos} charged and {one.waived_nanos} waived"
                self.named.append(f"request req_{one.uid}: {due}, {has}")
        if pays:
            fresh = one.prompt_tokens - one.cached_tokens
            self.tokens[(Item.INPUT, one.model, one.input_nanos)] += fresh
            self.tokens[(Item.CACHED, one.model, one.cached_nanos)] += one.cached_tokens
            self.tokens[(Item.OUTPUT, one.model, one.output_nanos)] += one.completion_tokens


def findings(invoice: Invoice, tell: Callable[[int], None]) -> Iterator[str]:
    """Yield what does not hold; `tell` is given how many requests were read, now and then."""
    counted = _Counted()
    records = RequestRecord.objects.filter(invoice=invoice)
    made = receipt_trees.tree(_counting(receipt_trees.facts_of(records), counted, tell))
    yield from counted.named
    if counted.wrong > MOST_NAMED:
        yield f"{counted.wrong - MOST_NAMED} more requests do not add up"
    yield from _sums(invoice, counted)
    yield from _root(invoice, made)
    lines = list(InvoiceLine.objects.filter(invoice=invoice).order_by("position"))
    yield from _tokens(lines, counted)
    yield from _lines(invoice, lines)
    if sha256(bytes(invoice.pdf)).hexdigest() != invoice.pdf_sha256:
        yield "the PDF is not the one that was issued"


def _counting(every: Iterable[Facts], counted: _Counted, tell: Callable[[int], None]) -> Iterator[Facts]:
    for one in every:
        counted.add(one)
        if counted.requests % EVERY == 0:
            tell(counted.requests)
        yield one


def _sums(invoice: Invoice, counted: _Counted) -> Iterator[str]:
    since = partitions.kept_since()
    if since is not None and counted.requests < invoice.requests:
        yield f"records from before {since:%Y-%m-%d} are no longer kept: what they said only a CSV of then can tell"
    for what, said, found in (
        ("requests", invoice.requests, counted.requests),
        ("free requests", invoice.free_requests, counted.free),
        ("nano-dollars charged", invoice.usage_nanos, counted.cost),
        ("nano-dollars waived", invoice.waived_nanos, counted.waived),
    ):
        if said != found:
            yield f"{what}: the invoice says {said}, its records say {found}"


def _root(invoice: Invoice, made: Tree) -> Iterator[str]:
    """Compare the roots; the parts that were kept tell about where receipts changed."""
    if not invoice.merkle_root:
        yield "it has no root: it was issued before receipts were"
    elif made.root.hex() != invoice.merkle_root:
        yield f"the root: the invoice has {invoice.merkle_root}, its receipts have {made.root.hex()}"
        kept = ReceiptTree.objects.filter(invoice=invoice).first()
        for part in receipt_trees.changed(bytes(kept.parts), made) if kept else ():
            yield f"receipts changed among the {receipt_trees.PART} from req_{part.first} on"


def _tokens(lines: list[InvoiceLine], counted: _Counted) -> Iterator[str]:
    invoiced: Counter[Key] = Counter()
    for line in lines:
        invoiced[(line.item, line.model, line.unit_nanos)] += line.tokens
    for one in sorted({*invoiced, *counted.tokens}):
        if invoiced[one] != counted.tokens[one]:
            item, model, unit = one
            said, found = invoiced[one], counted.tokens[one]
            yield f"{item} of {model} at {unit} n$: {said} tokens invoiced, {found} in its records"


def _lines(invoice: Invoice, lines: list[InvoiceLine]) -> Iterator[str]:
    carried: dict[str, int] = {}
    for line in lines:
        name = f"line {line.position}"
        if line.tokens * line.unit_nanos != line.exact_nanos:
            yield f"{name}: {line.tokens} tokens at {line.unit_nanos} n$ are not {line.exact_nanos} n$"
        before = carried[line.item] if line.item in carried else _left(invoice, line.item)
        if line.carried_in_nanos != before:
            yield f"{name}: it carries in {line.carried_in_nanos} n$, and the line before left {before}"
        if line.exact_nanos + line.carried_in_nanos != line.cents * NANOS_PER_CENT + line.carried_out_nanos:
            yield f"{name}: {line.cents} cents and {line.carried_out_nanos} n$ are not all of it"
        carried[line.item] = line.carried_out_nanos
    total = sum(line.cents for line in lines)
    if invoice.total_cents != total:
        yield f"the total: the invoice says {invoice.total_cents} cents, its lines say {total}"


def _left(invoice: Invoice, item: str) -> int:
    """Return what the last line of the item left over on the workspace's invoices before."""
    before = InvoiceLine.objects.filter(
        invoice__workspace=invoice.workspace_id, invoice__period_start__lt=invoice.period_start, item=item
    )
    last = before.order_by("-invoice__period_start", "-position").values_list("carried_out_nanos", flat=True).first()
    return last or 0
