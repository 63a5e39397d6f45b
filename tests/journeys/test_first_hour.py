"""A newcomer's first hour, in a real browser and with the official client, through every part of the product."""

from __future__ import annotations

import io
import os
import re
import secrets
from typing import TYPE_CHECKING, Final

import openai
import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from tests.fakes.stack import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

    from tests.fakes.stack import Stack

MODEL: Final = "moonshotai/kimi-k2.6"
RECORDED: Final = """
    SELECT count(*), coalesce(sum(cost_nanos), 0)::int8 FROM billing_requestrecord
    JOIN accounts_membership USING (workspace_id) JOIN accounts_user ON accounts_user.id = user_id WHERE email = %s
"""
ROLLED_UP: Final = "SELECT 1 FROM billing_usagerollup WHERE cost_nanos = %s"
PROMPTS: Final = ("Write a haiku about routing tables.", "Hello", "Count to 40")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A product of the test's own: in the others' one a test declares living processes to be gone."""
    with running(tmp_path_factory.mktemp("hour"), environ=os.environ) as own:  # noqa: TID251 - names the engines
        own.start_celery()
        yield own


def sign_up(page: Page, product: Stack) -> str:
    email = f"{secrets.token_hex(6)}@example.com"
    page.goto(f"{product.base_url}/")
    page.get_by_role("link", name="Get an API key").first.click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(secrets.token_urlsafe(16))
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Verify your e-mail address")).to_be_visible()
    page.get_by_label("Code").fill(code_from_outbox(page, product, email))
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()
    return email


def code_from_outbox(page: Page, product: Stack, email: str) -> str:
    outbox = page.context.new_page()
    outbox.goto(f"{product.base_url}/outbox/")
    code = outbox.locator("article", has_text=email).locator("strong.mono").first.inner_text()
    outbox.close()
    return code


def mint_key(page: Page) -> str:
    page.get_by_role("link", name="API keys").first.click()
    page.get_by_role("main").get_by_role("link", name=re.compile("Create .*key")).first.click()
    page.get_by_role("button", name="Create key").click()
    key = page.locator("#secret").inner_text()
    assert re.fullmatch(r"pylo_sk_[0-9A-Za-z]{38}", key)
    page.get_by_role("link", name="I have stored it").click()
    expect(page.get_by_role("heading", name="API keys")).to_be_visible()
    assert key not in page.content()
    return key


def stream(product: Stack, key: str, prompt: str) -> tuple[str, openai.types.CompletionUsage]:
    """Stream an answer as the quickstart does; return its words and its usage."""
    words, usage = "", None
    with openai.OpenAI(base_url=product.api_base, api_key=key, max_retries=0) as client:
        for chunk in client.chat.completions.create(
            model=MODEL,
            stream=True,
            stream_options={"include_usage": True},
            messages=[{"role": "user", "content": prompt}],
        ):
            usage = chunk.usage or usage
            words += "".join(choice.delta.content or "" for choice in chunk.choices)
    assert usage is not None
    return words, usage


def cost(usage: openai.types.CompletionUsage) -> int:
    """Price the usage in nano-dollars by the public price list, apart from the product's own code."""
    cached = (usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens) or 0
    return (usage.prompt_tokens - cached) * 900 + cached * 180 + usage.completion_tokens * 3900


def dollars(nanos: int) -> str:
    whole, rest = divmod(nanos, 1_000_000_000)
    return f"${whole}." + f"{rest:09d}".rstrip("0").ljust(2, "0")


def stat(page: Page, label: str) -> Locator:
    return page.locator(".stat").filter(has=page.get_by_text(label, exact=True)).locator(".stat-value")


def issue_invoice(page: Page, product: Stack, spent: int) -> None:
    page.goto(f"{product.base_url}/invoices/")
    page.get_by_role("button", name="Issue now").click()
    expect(page.get_by_text(f"Sums match: {len(PROMPTS)} requests, exactly {dollars(spent)}.")).to_be_visible()


def invoice_text(page: Page, product: Stack) -> str:
    href = page.get_by_role("link", name="PDF", exact=True).get_attribute("href")
    answer = page.request.get(f"{product.base_url}{href}")
    assert answer.headers["content-type"] == "application/pdf"
    return "\n".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(answer.body())).pages)


def test_a_newcomer_signs_up_calls_the_model_and_opens_an_invoice_that_sums_to_the_upstreams_own_truth(
    page: Page, product: Stack
) -> None:
    email = sign_up(page, product)
    key = mint_key(page)
    before = product.upstream.sums()
    answers = [stream(product, key, prompt) for prompt in PROMPTS]
    assert all(words for words, _ in answers)
    spent = sum(cost(usage) for _, usage in answers)
    served = product.upstream.sums()
    assert sum(usage.completion_tokens for _, usage in answers) == served.completion_tokens - before.completion_tokens
    assert sum(usage.prompt_tokens for _, usage in answers) == served.prompt_tokens - before.prompt_tokens

    product.eventually(lambda: product.sql(RECORDED, email) == [(len(PROMPTS), spent)])
    product.eventually(lambda: product.sql(ROLLED_UP, spent), within=40)

    page.goto(f"{product.base_url}/usage/")
    expect(stat(page, "Spend")).to_have_text(dollars(spent))
    expect(stat(page, "Requests")).to_have_text(str(len(PROMPTS)))
    expect(page.locator("svg.chart")).to_be_visible()

    issue_invoice(page, product, spent)
    number = page.get_by_role("heading", level=1).inner_text().removeprefix("Invoice ")
    text = invoice_text(page, product)
    assert number in text
    assert dollars(spent) in text
    assert "Sums match" in page.content()
    assert "All numbers agree." in product.manage("reconcile")
