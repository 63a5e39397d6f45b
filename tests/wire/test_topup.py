from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tests.fakes.payments import GOOD_CARD, bearer

if TYPE_CHECKING:
    from tests.fakes.stack import Stack

BALANCE = "SELECT nanos FROM billing_balance WHERE workspace_id = %s AND nanos > 0"


def test_a_payment_is_on_the_balance_though_the_payers_browser_never_comes_back(stack: Stack) -> None:
    payer = stack.member(credit=0)
    asked = {"amount_cents": 2_500, "reference": payer.workspace, "return_url": f"{stack.base_url}/billing/"}
    secret = bearer(stack.env["PYLO_PAYMENTS_SECRET"])
    with httpx.Client(base_url=stack.payments_url, trust_env=False) as browser:
        session = browser.post("/v1/checkout/sessions", json=asked, headers=secret).json()["id"]
        assert browser.post(f"/pay/{session}", data={"card": GOOD_CARD}).status_code == 303
    assert stack.eventually(lambda: stack.sql(BALANCE, payer.workspace)) == [(25_000_000_000,)]
    postings = stack.sql("SELECT kind, nanos FROM billing_posting WHERE workspace_id = %s", payer.workspace)
    assert postings == [("top_up", 25_000_000_000)]
