"""An operator drains the only upstream in the admin, and restores it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import openai
import pytest
from playwright.sync_api import expect

from tests.journeys.acts import MODEL, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.fakes.stack import Member, Stack

PROMOTE: Final = "UPDATE accounts_user SET is_staff = true, is_superuser = true WHERE email = %s RETURNING id"
RESTORE: Final = "DELETE FROM pylo_site_upstreamcontrol RETURNING id"


@pytest.fixture
def operator(page: Page, stack: Stack) -> Iterator[Member]:
    made = stack.member(credit=5)
    stack.sql(PROMOTE, made.email)
    sign_in(page, stack, made)
    yield made
    stack.sql(RESTORE)
    stack.eventually(lambda: status(stack, made) == 200)


def status(stack: Stack, operator: Member) -> int:
    """Call the model once."""
    with openai.OpenAI(base_url=stack.api_base, api_key=operator.key, max_retries=0) as client:
        try:
            client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hello"}])
        except openai.APIStatusError as error:
            return error.status_code
    return 200


def test_an_upstream_is_drained_and_restored(page: Page, stack: Stack, operator: Member) -> None:
    assert status(stack, operator) == 200
    page.goto(f"{stack.base_url}/admin/pylo_site/upstreamcontrol/")
    row = page.get_by_role("row").filter(has_text="sandbox").first
    expect(row).to_contain_text("healthy")
    page.get_by_role("link", name="Drain sandbox").click()
    expect(page.get_by_text("This is the last healthy upstream.")).to_be_visible()
    page.get_by_label("Reason").fill("Their maintenance.")
    page.get_by_role("button", name="Drain sandbox").click()
    expect(row).to_contain_text("draining")
    expect(row).to_contain_text(f"by {operator.email}: Their maintenance.")
    stack.eventually(lambda: status(stack, operator) == 503)

    page.get_by_role("link", name="Restore sandbox").click()
    page.get_by_role("button", name="Restore sandbox").click()
    expect(row).to_contain_text("healthy")
    stack.eventually(lambda: status(stack, operator) == 200)
