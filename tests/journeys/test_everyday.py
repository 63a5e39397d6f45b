"""What a paying user does every week, with JavaScript switched off: keys, credit, a request looked up, an invoice."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Final

import openai
import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from tests.journeys.acts import ask, issue_invoice, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.fakes.stack import Member, Stack

DECLINED: Final = "4000 0000 0000 0002"
ASKS: Final = "4000 0025 0000 3155"
GOOD: Final = "4242 4242 4242 4242"


@pytest.fixture
def member(scriptless: Page, stack: Stack) -> Member:
    """A user with a key and five dollars, signed in."""
    made = stack.member(credit=5)
    sign_in(scriptless, stack, made)
    return made


def test_a_key_is_made_shown_used_and_revoked(scriptless: Page, stack: Stack, member: Member) -> None:
    page = scriptless
    page.goto(f"{stack.base_url}/keys/")
    page.get_by_role("link", name="Create key").click()
    page.get_by_label("Name").fill("batch job")
    page.get_by_role("button", name="Create key").click()
    key = page.locator("#secret").inner_text()
    for sample in ("#sample-curl", "#sample-python", "#sample-env"):
        expect(page.locator(sample)).to_contain_text(key)
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    ask(stack, key, "Hello")

    page.get_by_role("link", name="I have stored it").click()
    page.get_by_role("link", name="Revoke batch job").click()
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("revoked. New requests with it are refused.")).to_be_visible()
    stack.eventually(lambda: refused(stack, key))


def refused(product: Stack, key: str) -> bool:
    with openai.OpenAI(base_url=product.api_base, api_key=key, max_retries=0) as client:
        try:
            client.models.list()
        except openai.AuthenticationError:
            return True
    return False


def test_credit_is_added_after_a_mistyped_amount_and_a_declined_card(
    scriptless: Page, stack: Stack, member: Member
) -> None:
    page = scriptless
    page.goto(f"{stack.base_url}/billing/")
    page.get_by_role("link", name="Another amount").click()
    page.get_by_label("Another amount, $5 to $1,000").fill("twelve")
    page.get_by_role("button", name="Continue to payment").click()
    expect(page.get_by_text("Enter an amount from $5 to $1,000.")).to_be_visible()
    expect(page.get_by_label("Another amount, $5 to $1,000")).to_have_value("twelve")
    page.get_by_label("Another amount, $5 to $1,000").fill("12.50")
    page.get_by_role("button", name="Continue to payment").click()

    page.get_by_label("Card number").fill(DECLINED)
    page.get_by_role("button", name="Pay $12.50").click()
    expect(page.get_by_role("alert")).to_contain_text("Your card was declined. Nothing was charged")
    page.get_by_label("Card number").fill(GOOD)
    page.get_by_role("button", name="Pay $12.50").click()
    expect(page.get_by_text("$12.50 was added to your balance.")).to_be_visible()
    expect(page.get_by_title("Balance of this workspace")).to_contain_text("$17.50")
    expect(page.locator("tbody tr").filter(has_text="Credit added")).to_have_count(1)


def test_a_card_that_its_bank_asks_about_is_kept_for_auto_top_up_and_credit_is_taken_back(
    scriptless: Page, stack: Stack, member: Member
) -> None:
    page = scriptless
    page.goto(f"{stack.base_url}/billing/auto-top-up/")
    page.get_by_role("link", name="Add credit and keep the card").click()
    page.get_by_role("button", name="Continue to payment").click()
    page.get_by_label("Card number").fill(ASKS)
    page.get_by_role("button", name="Pay $25.00").click()
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("alert")).to_contain_text("You did not approve the payment. Nothing was charged")
    page.get_by_label("Card number").fill(ASKS)
    page.get_by_role("button", name="Pay $25.00").click()
    page.get_by_role("button", name="Approve $25.00").click()
    expect(page.get_by_text("$25.00 was added to your balance.")).to_be_visible()

    page.get_by_role("link", name="Auto top-up").click()
    page.get_by_label("Top up by itself").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Choose the card to charge.")).to_be_visible()
    page.get_by_label("Visa …3155").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("When the balance falls below $5.00, $25.00 is added from Visa …3155.")).to_be_visible()

    page.get_by_role("link", name="Payments").click()
    page.get_by_role("link", name="Refund").click()
    page.get_by_role("button", name="Refund $25.00").click()
    expect(page.get_by_text("$25.00 goes back to the card that paid.")).to_be_visible()
    expect(page.get_by_title("Balance of this workspace")).to_contain_text("$5.00")
    page.get_by_role("button", name="Remove Visa …3155").click()
    expect(page.get_by_text("The card was removed.")).to_be_visible()


def test_a_request_is_found_by_its_id_and_its_invoice_is_downloaded_with_the_evidence(
    scriptless: Page, stack: Stack, member: Member
) -> None:
    page = scriptless
    request_id, other = (ask(stack, member.key, prompt) for prompt in ("Count to 40", "Hello"))
    page.goto(f"{stack.base_url}/requests/")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_label("Request id").fill(f" {request_id} ")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody").get_by_role("link").click()
    expect(page.locator("#request-id")).to_have_text(request_id)
    expect(page.get_by_text("Charged: the answer was delivered to its end.")).to_be_visible()

    number = issue_invoice(page, stack)
    expect(page.get_by_text("so this invoice is $0.00: the $0.00")).to_be_visible()
    href = page.get_by_role("link", name="PDF", exact=True).get_attribute("href")
    answer = page.request.get(f"{stack.base_url}{href}")
    assert answer.headers["content-type"] == "application/pdf"
    assert number in PdfReader(io.BytesIO(answer.body())).pages[0].extract_text()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV of its requests").click()
    assert waiting.value.suggested_filename == f"{number}-requests.csv"
    with Path(waiting.value.path()).open(newline="", encoding="utf-8") as file:
        assert {row["request_id"] for row in csv.DictReader(file)} == {request_id, other}
