"""What people do in the portal, again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import openai
from playwright.sync_api import expect

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam
    from playwright.sync_api import Page

    from tests.fakes.stack import Member, Stack

MODEL: Final = "moonshotai/kimi-k2.6"
SHIPPED: Final = "SELECT uid::text FROM billing_requestrecord WHERE request_id = %s"


def sign_in(page: Page, product: Stack, member: Member) -> None:
    page.goto(f"{product.base_url}/accounts/login/")
    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password", exact=True).fill(member.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()


def ask(product: Stack, key: str, prompt: str) -> str:
    """Call the model once, wait until the call is recorded, and return its request id."""
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": prompt}]
    with openai.OpenAI(base_url=product.api_base, api_key=key, max_retries=0) as client:
        raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=messages)
    request_id = raw.headers["x-request-id"]
    product.eventually(lambda: product.sql(SHIPPED, request_id))
    return request_id


def issue_invoice(page: Page, product: Stack) -> str:
    """Issue an invoice up to now; return its number."""
    page.goto(f"{product.base_url}/invoices/")
    page.get_by_role("button", name="Issue now").click()
    heading = page.get_by_role("heading", level=1, name="Invoice PYLO-")
    expect(heading).to_be_visible()
    return heading.inner_text().removeprefix("Invoice ")
