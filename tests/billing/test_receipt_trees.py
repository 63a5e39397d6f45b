"""The tree over an invoice's receipts, in Postgres."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from billing import invoicing, merkle, receipt_trees
from billing.models import Invoice, Price, ReceiptTree, RequestRecord
from gateway.usage import Outcome
from tests.billing.factories import forged
from tests.billing.seed import NOW, Tenant, record, tenant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.receipts import Facts

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Tenant:
    return tenant("alice")


def issued(alice: Tenant, requests: int) -> Invoice:
    for number in range(requests):
        outcome = Outcome.UPSTREAM_CUT if number % 3 == 1 else Outcome.COMPLETED
        record(alice.key, NOW - timedelta(hours=2, seconds=number), outcome=outcome)
    return invoicing.issue(workspace=alice.workspace, until=NOW - timedelta(hours=1), now=NOW)


def leaves(invoice: Invoice) -> list[bytes]:
    records = RequestRecord.objects.filter(invoice=invoice).select_related("price").order_by("uid")
    return [receipt_trees.leaf(receipt_trees.facts(one, one.price)) for one in records]


def test_an_invoice_has_the_root_over_its_receipts_in_the_order_of_their_uids(alice: Tenant) -> None:
    record(alice.key, NOW)  # comes on the next one
    invoice = issued(alice, 7)
    hashes = leaves(invoice)
    assert (len(hashes), invoice.merkle_root) == (7, merkle.root(hashes).hex())


@pytest.mark.parametrize("requests", [1, 3, 4, 9, 13])
def test_each_receipt_has_a_proof_whatever_part_it_is_in(
    alice: Tenant, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_trees, "PART", 4)
    invoice = issued(alice, requests)
    hashes = leaves(invoice)
    for index, one in enumerate(RequestRecord.objects.filter(invoice=invoice).order_by("uid")):
        proof = receipt_trees.proof(invoice, one.uid)
        assert proof is not None
        assert (proof.index, proof.leaves) == (index, requests)
        path = [bytes.fromhex(text) for text in proof.path]
        led = merkle.root_by(hashes[index], index, requests, path)
        assert led is not None
        assert led.hex() == invoice.merkle_root


def test_a_record_that_was_changed_leads_to_another_root(alice: Tenant) -> None:
    invoice = issued(alice, 5)
    one = RequestRecord.objects.filter(invoice=invoice).order_by("uid")[2]
    with forged():
        RequestRecord.objects.filter(uid=one.uid).update(reasoning_tokens=1)
    proof = receipt_trees.proof(invoice, one.uid)
    assert proof is not None
    led = merkle.root_by(leaves(invoice)[2], 2, 5, [bytes.fromhex(text) for text in proof.path])
    assert led is not None
    assert led.hex() != invoice.merkle_root


def test_there_is_no_proof_of_another_invoices_request_nor_without_a_tree(alice: Tenant) -> None:
    invoice = issued(alice, 2)
    assert receipt_trees.proof(invoice, record(alice.key, NOW).uid) is None
    uid = RequestRecord.objects.filter(invoice=invoice).latest("uid").uid
    ReceiptTree.objects.all().delete()
    assert receipt_trees.proof(invoice, uid) is None


def test_beside_a_record_that_is_gone_there_is_no_proof(alice: Tenant) -> None:
    invoice = issued(alice, 3)
    first, *rest = RequestRecord.objects.filter(invoice=invoice).order_by("uid")
    with forged():
        RequestRecord.objects.filter(uid=first.uid).delete()
    assert [receipt_trees.proof(invoice, one.uid) for one in rest] == [None, None]


def test_a_blanked_x_request_id_changes_no_root(alice: Tenant) -> None:
    invoice = issued(alice, 3)
    RequestRecord.objects.update(request_id="")
    assert merkle.root(leaves(invoice)).hex() == invoice.merkle_root


def test_512_receipts_are_kept_in_48_bytes(alice: Tenant) -> None:
    one = receipt_trees.facts(record(alice.key, NOW), Price.objects.get())
    made = receipt_trees.tree(islice(forever(one), 5 * receipt_trees.PART + 1))
    assert (made.leaves, len(made.parts), len(made.stored)) == (2561, 6, 6 * 48)


def forever(one: Facts) -> Iterator[Facts]:
    while True:
        yield one
