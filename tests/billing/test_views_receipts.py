"""Receipts in the portal, and what is published about them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from billing import invoicing, statements
from billing.models import Invoice, RequestRecord
from billing.receipts import canonical
from billing.reports import receipt
from tests.billing.factories import forged
from tests.billing.seed import NOW, Tenant, record, tenant

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
OLD = "44" * 32


@pytest.fixture
def alice(client: Client) -> Tenant:
    made = tenant("alice")
    client.force_login(made.owner)
    return made


@pytest.fixture
def invoice(alice: Tenant) -> Invoice:
    for back in (3, 2):
        record(alice.key, NOW - timedelta(hours=back))
    return invoicing.issue(workspace=alice.workspace, until=NOW - timedelta(hours=1), now=NOW)


def page_of(client: Client, one: RequestRecord) -> str:
    return " ".join(client.get(f"/requests/{one.uid}/").content.decode().split())


def test_a_request_shows_its_receipt_before_it_is_invoiced(client: Client, alice: Tenant) -> None:
    page = page_of(client, record(alice.key, NOW))
    assert "(1234 − 1000) × 900 + 1000 × 180 + 567 × 3900 = 2 601 900 n$" in page
    assert "It is not on an invoice yet." in page
    assert receipt.keys().public[0].id in page


def test_an_invoiced_request_shows_that_it_is_part_of_the_root(client: Client, invoice: Invoice) -> None:
    page = page_of(client, RequestRecord.objects.latest("uid"))
    assert f">{invoice.number}</a>: receipt 2 of 2. 1 hash leads from it" in page
    assert "proven" in page


def test_a_record_that_was_changed_since_says_so(client: Client, invoice: Invoice) -> None:
    with forged():
        RequestRecord.objects.update(reasoning_tokens=3)
    page = page_of(client, RequestRecord.objects.latest("uid"))
    assert "the record is not what it was when that was issued" in page
    assert "proven" not in page


def test_a_record_that_does_not_add_up_says_so(client: Client, alice: Tenant) -> None:
    made = record(alice.key, NOW)
    with forged():
        RequestRecord.objects.update(cost_nanos=1)
    assert "This record does not add up" in page_of(client, made)


def test_the_receipt_comes_as_a_file_with_what_the_api_says(client: Client, alice: Tenant) -> None:
    made = record(alice.key, NOW)
    answer = client.get(f"/requests/{made.uid}/receipt/")
    assert answer["Content-Disposition"] == f'attachment; filename="req_{made.uid}.json"'
    assert json.loads(answer.content)["receipt"]["cost_nanos"] == 2_601_900


def test_the_statement_of_an_invoice_is_signed(client: Client, invoice: Invoice) -> None:
    document = client.get(f"/invoices/{invoice.number}/statement/").json()
    signed = receipt.signed_statement(invoice.workspace, invoice.number)
    assert signed is not None
    assert canonical(document["statement"]) == statements.signed_text(signed.statement)
    assert document["statement"]["merkle_root"] == invoice.merkle_root
    assert [line["item"] for line in document["statement"]["lines"]] == ["input", "cached", "output"]
    assert (document["signature"], document["signing_key_id"]) == (signed.signature.text, signed.signature.key_id)


def test_an_invoices_page_and_its_pdf_have_the_root_and_how_to_verify(client: Client, invoice: Invoice) -> None:
    page = client.get(f"/invoices/{invoice.number}/").content.decode()
    assert f'id="root">{invoice.merkle_root}<' in page
    assert f"/invoices/{invoice.number}/statement/" in page
    assert "pylo_verify.py" in page


def test_an_outsider_gets_none_of_it(client: Client, alice: Tenant, invoice: Invoice) -> None:
    uid = RequestRecord.objects.latest("uid").uid
    client.force_login(tenant("mallory").owner)
    for path in (f"/requests/{uid}/receipt/", f"/invoices/{invoice.number}/statement/"):
        assert client.get(path).status_code == 404
        assert Client().get(path).status_code == 302


def test_the_keys_are_published_the_signing_one_first_and_never_a_private_half(settings: Settings) -> None:
    new = settings.PYLO_RECEIPT_KEYS[0]
    settings.PYLO_RECEIPT_KEYS = (new, OLD)
    answer = Client().get("/.well-known/pylo-receipt-keys.json")
    published = answer.json()["keys"]
    assert [(key["algorithm"], key["signs"]) for key in published] == [("Ed25519", True), ("Ed25519", False)]
    assert published[0]["key_id"] == receipt.keys().public[0].id
    assert new not in answer.content.decode()
    page = Client().get("/docs/receipts/").content.decode()
    assert all(key["key_id"] in page and key["public_key"] in page for key in published)


def test_the_program_and_the_description_are_anybodys_to_read() -> None:
    program, document = Client().get("/docs/pylo_verify.py"), Client().get("/docs/openapi.json")
    assert program.content.startswith(b'"""Verify an invoice of Pylo')
    assert "/v1/requests/{name}" in document.json()["paths"]
