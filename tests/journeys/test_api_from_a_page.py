"""A page of another origin calls the API as the official client in a browser does, and reads what it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.wire.asking import HAIKU, MODEL, named

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.fakes.stack import Stack

CALL: Final = """
async ([url, key, id, body]) => {
  const headers = {
    "authorization": `Bearer ${key}`, "content-type": "application/json", "x-request-id": id,
    "x-stainless-lang": "js", "x-stainless-runtime": "browser:chrome", "x-stainless-retry-count": "0",
    "openai-organization": "o", "a-header-of-tomorrow": "1",
  };
  const answer = await fetch(url, {method: "POST", headers, body: JSON.stringify(body)});
  const read = Object.fromEntries(["x-request-id", "x-should-retry", "openai-processing-ms"].map(
    (name) => [name, answer.headers.get(name)]));
  return {status: answer.status, text: await answer.text(), ...read};
}
"""


@pytest.fixture
def elsewhere(browser: Browser, stack: Stack) -> Page:
    """A page of another origin, which has no policy of its own."""
    page = browser.new_page()
    page.goto(f"{stack.payments_url}/pay.css")
    return page


def call(page: Page, stack: Stack, key: str, **body: Any) -> tuple[str, dict[str, Any]]:
    mine = named()
    url = f"{stack.api_base}/chat/completions"
    answer: dict[str, Any] = page.evaluate(CALL, [url, key, mine, {"model": MODEL, "messages": HAIKU, **body}])
    return mine, answer


def test_a_page_reads_a_stream_with_its_request_id(elsewhere: Page, stack: Stack) -> None:
    stack.upstream.heal()
    mine, answer = call(elsewhere, stack, stack.member().key, stream=True)
    assert (answer["status"], answer["x-request-id"]) == (200, mine)
    assert answer["openai-processing-ms"].isdigit()
    assert answer["text"].endswith("data: [DONE]\n\n")


def test_a_page_reads_why_it_was_refused(elsewhere: Page, stack: Stack) -> None:
    mine, answer = call(elsewhere, stack, "nonsense")
    assert (answer["status"], answer["x-request-id"], answer["x-should-retry"]) == (401, mine, "false")
    assert "invalid_api_key" in answer["text"]
    mine, answer = call(elsewhere, stack, stack.member().key, temperature=3)
    assert (answer["status"], answer["x-request-id"]) == (400, mine)
    assert '"param":"temperature"' in answer["text"]
