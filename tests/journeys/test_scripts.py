"""What the pages' one script adds: a form is sent once, and a menu is worked by the keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.journeys.acts import sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.fakes.stack import Stack


def test_a_double_click_makes_one_key_and_a_menu_opens_and_closes_by_keyboard(page: Page, stack: Stack) -> None:
    sign_in(page, stack, stack.member(credit=0))
    page.goto(f"{stack.base_url}/keys/new/")
    page.get_by_label("Name").fill("twice")
    page.get_by_role("button", name="Create key").dblclick()
    expect(page.locator("#secret")).to_contain_text("pylo_sk_")
    page.get_by_role("button", name="Copy key").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.get_by_role("link", name="I have stored it").click()
    expect(page.locator("tbody tr").filter(has_text="twice")).to_have_count(1)

    page.wait_for_load_state()  # the script is deferred: the rows are there before it listens
    account = page.get_by_label("Account", exact=True)
    account.press("Enter")
    sign_out = page.get_by_role("button", name="Sign out")
    expect(sign_out).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="E-mail address")).to_be_focused()
    page.keyboard.press("Escape")
    expect(sign_out).to_be_hidden()
    expect(account).to_be_focused()
