"""Invoices as pages and documents."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from asgiref.sync import async_to_sync
from pypdf import PdfReader

from accounts.models import Role
from billing import invoicing
from billing.models import Invoice, RequestRecord
from gateway.usage import Outcome
from tests.billing.factories import forged
from tests.billing.seed import NOW, Tenant, member, record, tenant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries, Settings

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
PATHS = ("", "pdf/", "csv/")


@pytest.fixture
def alice(client: Client) -> Tenant:
    made = tenant("alice")
    client.force_login(made.owner)
    return made


@pytest.fixture
def number(alice: Tenant) -> str:
    record(alice.key, NOW - timedelta(hours=2))
    until = NOW - timedelta(hours=1)
    return invoicing.issue(workspace=alice.workspace, until=until, now=NOW).number


async def whole(parts: AsyncIterator[bytes]) -> bytes:
    return b"".join([part async for part in parts])


def test_the_list_has_the_open_period_on_top(client: Client, alice: Tenant, number: str) -> None:
    record(alice.key, NOW - timedelta(minutes=5))
    page = client.get("/invoices/").content.decode()
    assert page.index("Not invoiced yet") < page.index("$0.0026019") < page.index(number)
    assert "1 request, from\n    2026-11-23 13:03 UTC to now" in page


def test_without_invoices_the_list_says_when_one_will_come(client: Client, alice: Tenant) -> None:
    assert "No invoices yet. One is issued at the start of each month" in client.get("/invoices/").content.decode()


def test_an_invoice_shows_that_its_sums_match(client: Client, number: str) -> None:
    page = client.get(f"/invoices/{number}/").content.decode()
    assert "✓ Sums match: 1 request, exactly $0.0026019." in page
    assert f"/requests/?invoice={number}" in page


def test_an_invoice_whose_records_were_changed_warns(client: Client, number: str) -> None:
    with forged():
        RequestRecord.objects.update(cost_nanos=1)
    page = client.get(f"/invoices/{number}/").content.decode()
    assert "Sums do not match" in page
    assert "✓" not in page


def test_its_requests_are_listed_and_each_names_it(client: Client, alice: Tenant, number: str) -> None:
    record(alice.key, NOW)
    made = RequestRecord.objects.get(invoice__number=number)
    page = client.get("/requests/", {"invoice": number}).content.decode()
    assert page.count('data-label="Request"') == 1
    assert f"/requests/{made.uid}/" in page
    assert f'<a href="/invoices/{number}/">' in client.get(f"/requests/{made.uid}/").content.decode()


def test_the_pdf_is_the_document_that_was_issued(client: Client, number: str) -> None:
    answer = client.get(f"/invoices/{number}/pdf/")
    assert (answer["Content-Type"], answer["Content-Disposition"]) == (
        "application/pdf",
        f'inline; filename="{number}.pdf"',
    )
    assert answer.content == bytes(Invoice.objects.get().pdf)
    assert number in PdfReader(BytesIO(answer.content)).pages[0].extract_text()


def test_the_csv_has_every_request_of_the_invoice_and_no_other(client: Client, alice: Tenant, number: str) -> None:
    record(alice.key, NOW)
    answer = client.get(f"/invoices/{number}/csv/")
    rows = async_to_sync(whole)(answer.streaming_content).decode().split("\r\n")  # type: ignore[attr-defined]
    assert answer["Content-Disposition"] == f'attachment; filename="{number}-requests.csv"'
    assert [row.split(",")[-7] for row in rows[1:-1]] == ["2601900"]


def test_an_outsider_finds_no_invoice(client: Client, number: str) -> None:
    client.force_login(tenant("mallory").owner)
    assert [client.get(f"/invoices/{number}/{path}").status_code for path in PATHS] == [404] * 3
    assert client.get("/requests/", {"invoice": number}).status_code == 404
    assert number not in client.get("/invoices/").content.decode()


@pytest.mark.parametrize("role", Role)
def test_everybody_in_the_workspace_may_read_invoices(client: Client, alice: Tenant, number: str, role: Role) -> None:
    client.force_login(member(alice.workspace, role))
    for path in ("", *(f"{number}/{path}" for path in PATHS)):
        answer = client.get(f"/invoices/{path}")
        assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")


def test_the_sandbox_issues_the_open_period_up_to_now(client: Client, alice: Tenant, settings: Settings) -> None:
    settings.PYLO_SANDBOX = True
    record(alice.key, NOW - timedelta(hours=2))
    answer = client.post("/invoices/issue/", follow=True)
    invoice = Invoice.objects.get()
    assert answer.redirect_chain == [(f"/invoices/{invoice.number}/", 302)]
    assert (invoice.period_end, invoice.requests, invoice.usage_nanos) == (NOW, 1, 2_601_900)
    assert f"Invoice {invoice.number} was issued." in answer.content.decode()


def test_with_nothing_to_invoice_the_list_says_so(client: Client, alice: Tenant, settings: Settings) -> None:
    settings.PYLO_SANDBOX = True
    answer = client.post("/invoices/issue/", follow=True)
    assert "There is nothing to invoice" in answer.content.decode()
    assert not Invoice.objects.exists()


def test_outside_the_sandbox_nobody_issues_early(client: Client, alice: Tenant, settings: Settings) -> None:
    settings.PYLO_SANDBOX = False
    record(alice.key, NOW - timedelta(hours=2))
    assert client.post("/invoices/issue/").status_code == 404
    assert "invoices/issue" not in client.get("/invoices/").content.decode()
    assert not Invoice.objects.exists()


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.OWNER, 302), (Role.ADMIN, 302), (Role.BILLING, 302), (Role.DEVELOPER, 403), (Role.VIEWER, 403)],
)
def test_only_who_may_spend_may_issue(
    client: Client, alice: Tenant, settings: Settings, role: Role, status: int
) -> None:
    settings.PYLO_SANDBOX = True
    record(alice.key, NOW - timedelta(hours=2))
    client.force_login(member(alice.workspace, role))
    assert client.post("/invoices/issue/").status_code == status
    assert Invoice.objects.count() == (1 if status == 302 else 0)
    assert ("invoices/issue" in client.get("/invoices/").content.decode()) is (status == 302)


def test_the_pages_ask_as_many_questions_for_many_invoices_as_for_one(
    client: Client, alice: Tenant, number: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for minute in range(1, 12):
        record(alice.key, NOW - timedelta(minutes=60 - minute))
        until = NOW - timedelta(minutes=59 - minute)
        invoicing.issue(workspace=alice.workspace, until=until, now=NOW)
    with django_assert_max_num_queries(14):
        client.get("/invoices/")
    with django_assert_max_num_queries(9):
        client.get(f"/invoices/{number}/")


def test_issuing_when_nothing_was_charged_says_so(client: Client, alice: Tenant) -> None:
    record(alice.key, NOW - timedelta(hours=2), outcome=Outcome.SHED)
    page = client.post("/invoices/issue/", follow=True).content.decode()
    assert "There is nothing to invoice: no request was charged since the last invoice." in page


def test_issuing_behind_an_invoice_that_was_just_issued_says_so(client: Client, alice: Tenant) -> None:
    record(alice.key, NOW - timedelta(hours=2))
    later = NOW + timedelta(seconds=1)  # two clicks, and the later one was faster
    made = invoicing.issue(workspace=alice.workspace, until=later, now=later)
    page = client.post("/invoices/issue/", follow=True).content.decode()
    assert "An invoice was issued a moment ago." in page
    assert Invoice.objects.get() == made
