"""Who is billed: the page, the snapshot on an invoice, its tax, and the mail that tells of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from pypdf import PdfReader

from accounts.models import Membership, Role, User, Workspace
from billing import invoice_mail, invoicing, tasks
from billing.models import BillingProfile, Invoice, InvoiceMail
from billing.taxes import Rules
from gateway.usage import Tokens
from tests.billing.factories import make_request, record

if TYPE_CHECKING:
    from django.core.mail import EmailMessage
    from django.test import Client

    from accounts.models import ApiKey

pytestmark = pytest.mark.django_db
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
NOW = NOVEMBER + timedelta(days=1)
PROFILE = {
    "legal_name": "Acme GmbH",
    "address": "Hauptstraße 1\r\n\r\n 10115  Berlin ",
    "country": "DE",
    "tax_id": "de 136695976",
    "reference": "PO 4711",
    "email": "bills@acme.example",
}


@pytest.fixture
def olga(client: Client, workspace: Workspace) -> User:
    user = User.objects.create(email="olga@acme.example")
    Membership.objects.create(workspace=workspace, user=user, role=Role.OWNER)
    client.force_login(user)
    return user


def issued(key: ApiKey) -> Invoice:
    record(make_request(key, tokens=Tokens(10_000_000)))
    return invoicing.issue(workspace=key.workspace, until=NOVEMBER, now=NOW)


def test_a_profile_is_kept_as_it_is_printed(client: Client, olga: User, workspace: Workspace) -> None:
    assert client.post("/billing/profile/", PROFILE).headers["Location"] == "/billing/profile/"
    kept = BillingProfile.objects.get(workspace=workspace)
    assert (kept.lines, kept.tax_id) == (["Hauptstraße 1", "10115 Berlin", "Germany"], "DE136695976")
    assert "It is on your next invoice" in client.get("/billing/profile/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"tax_id": "DE136695977"}, "no tax id of the country DE"),
        ({"country": ""}, "Choose the country of the tax id."),
        ({"country": "XX"}, "Select a valid choice"),
        ({"email": "nobody"}, "Enter a valid email address."),
        ({"address": "\n".join("abcdefg")}, "At most 6 lines fit on an invoice."),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_kept(
    client: Client, olga: User, wrong: dict[str, str], says: str
) -> None:
    assert says in client.post("/billing/profile/", PROFILE | wrong).content.decode()
    assert not BillingProfile.objects.exists()


def test_who_may_not_pay_reads_it_only(client: Client, olga: User) -> None:
    Membership.objects.update(role=Role.DEVELOPER)
    assert "disabled" in client.get("/billing/profile/").content.decode()
    assert client.post("/billing/profile/", PROFILE).status_code == 403
    assert not BillingProfile.objects.exists()


def test_rule_29_an_invoice_is_a_snapshot_of_its_buyer(client: Client, olga: User, key: ApiKey, settings: Any) -> None:
    settings.PYLO_TAX = Rules("VAT", {"DE": 190_000}, frozenset())
    client.post("/billing/profile/", PROFILE)
    invoice = issued(key)
    client.post("/billing/profile/", PROFILE | {"legal_name": "Renamed AG"})
    found = Invoice.objects.get(pk=invoice.pk)
    assert (found.buyer["name"], found.buyer["tax_id"], found.tax_cents) == ("Acme GmbH", "DE136695976", 171)
    text = PdfReader(BytesIO(bytes(found.pdf))).pages[0].extract_text()
    for words in ("Acme GmbH", "Hauptstraße 1", "10115 Berlin", "Germany", "DE136695976", "Reference: PO 4711"):
        assert words in text


def test_an_invoice_is_mailed_once_with_its_pdf(olga: User, key: ApiKey, mailoutbox: list[EmailMessage]) -> None:
    Workspace.objects.update(name="O'Brien & Co")
    key.refresh_from_db()
    invoice = issued(key)
    tasks.mail_invoices()
    tasks.mail_invoices()
    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["olga@acme.example"], f"Invoice {invoice.number} of O'Brien & Co")
    assert all(words in str(mail.body) for words in ("$9.00 is due", "O'Brien & Co"))
    assert mail.attachments == [(f"{invoice.number}.pdf", bytes(invoice.pdf), "application/pdf")]
    assert mail.extra_headers["Message-ID"].startswith(f"<invoice-{invoice.number}@")


def test_an_address_of_its_own_gets_the_invoice(
    client: Client, olga: User, key: ApiKey, mailoutbox: list[EmailMessage]
) -> None:
    client.post("/billing/profile/", PROFILE)
    issued(key)
    assert invoice_mail.send(NOW) == 1
    assert mailoutbox[0].to == ["bills@acme.example"]


def test_a_mail_server_that_is_away_is_asked_again(
    olga: User, key: ApiKey, mailoutbox: list[EmailMessage], settings: Any
) -> None:
    issued(key)
    settings.EMAIL_BACKEND = "tests.fakes.mail.Away"
    assert invoice_mail.send(NOW) == 0
    assert InvoiceMail.objects.get().sent_at is None
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert (invoice_mail.send(NOW), len(mailoutbox), InvoiceMail.objects.get().sent_at) == (1, 1, NOW)
