"""Every page, public or signed in, fits a narrow phone, has one heading and a title, labels its fields, can be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import pytest

from tests.journeys.acts import ask, issue_invoice, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.fakes.stack import Stack

PUBLIC: Final = (
    *(
        "/",
        "/docs/quickstart/",
        "/models/kimi-k2.6/",
        "/pricing/",
        "/reliability/",
        "/status/",
        "/privacy/",
        "/docs/receipts/",
    ),
    *("/outbox/", "/accounts/signup/", "/accounts/login/", "/accounts/password/reset/"),
)
PORTAL: Final = ("/overview/", "/keys/", "/usage/", "/requests/", "/billing/", "/invoices/")
DEEPER: Final = (
    *("/keys/new/", "/usage/?window=30d&metric=spend", "/usage/?metric=requests", "/requests/?id=none"),
    *("/billing/auto-top-up/", "/billing/payments/", "/billing/budgets/", "/billing/profile/"),
    *("/billing/add-credit/", "/accounts/email/", "/accounts/password/change/", "/accounts/logout/"),
)
NARROW: Final = (320, 390)
HEIGHT: Final = 800
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
RULES: Final = Path(__file__).with_name("page_rules.js").read_text("utf-8")
TOO_WIDE: Final = "() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - innerWidth"


@pytest.fixture
def reader(browser: Browser) -> Page:
    page = browser.new_context(reduced_motion="reduce").new_page()
    page.set_default_timeout(15_000)
    return page


def broken(page: Page, url: str) -> list[str]:
    """Open `url`; return what is wrong with it, in both colour schemes and at every width."""
    page.goto(url)
    found: list[str] = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += [f"{url} ({scheme}): {what}" for what in page.evaluate(RULES)]
    for width in NARROW:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        if (over := page.evaluate(TOO_WIDE)) > 0:
            found.append(f"{url} is {over} px too wide at {width} px")
    return found


def test_every_public_page_keeps_the_rules(reader: Page, stack: Stack) -> None:
    assert [what for path in PUBLIC for what in broken(reader, f"{stack.base_url}{path}")] == []


def test_every_page_of_an_empty_portal_keeps_the_rules(reader: Page, stack: Stack) -> None:
    sign_in(reader, stack, stack.member(credit=0))
    assert [what for path in PORTAL for what in broken(reader, f"{stack.base_url}{path}")] == []


def test_every_page_of_a_portal_in_use_keeps_the_rules(reader: Page, stack: Stack) -> None:
    member = stack.member(credit=5)
    sign_in(reader, stack, member)
    for prompt in ("Hello", "Count to 40", "routing table " * 400, "routing table " * 400):
        ask(stack, member.key, prompt)
    number = issue_invoice(reader, stack)
    ask(stack, member.key, "Hello")
    reader.goto(f"{stack.base_url}/requests/")
    one = reader.locator("tbody a").first.get_attribute("href")
    paths = (
        *PORTAL,
        *DEEPER,
        f"/invoices/{number}/",
        one,
        f"/keys/{member.key_id}/revoke/",
        f"/keys/{member.key_id}/rename/",
        f"/keys/{member.key_id}/limits/",
    )
    assert [what for path in paths for what in broken(reader, f"{stack.base_url}{path}")] == []
