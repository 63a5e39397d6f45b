from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from tests.fakes.payments import GOOD_CARD, bearer

if TYPE_CHECKING:
    from tests.fakes.stack import Member, Stack

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


ORDER = """
INSERT INTO billing_autotopup (workspace_id, enabled, below_cents, add_cents, most_a_day, most_cents_a_month, card,
    card_label, declines, updated_at) VALUES (%s, true, 1000, 2500, 1, 20000, %s, 'Visa', 0, now())
"""
CUSTOMER = "INSERT INTO billing_paymentcustomer (workspace_id, provider, customer) VALUES (%s, 'sandbox', %s)"


def call(stack: Stack, method: str, path: str, **asked: object) -> Any:
    headers = bearer(stack.env["PYLO_PAYMENTS_SECRET"])
    answer = httpx.request(method, f"{stack.payments_url}/v1/{path}", json=asked, headers=headers, trust_env=False)
    return answer.raise_for_status().json()


def test_the_task_charges_the_saved_card_of_a_balance_that_is_low(stack: Stack) -> None:
    payer = stack.member(credit=0)
    customer = call(stack, "POST", "customers", reference=payer.workspace)["id"]
    asked = {"amount_cents": 500, "reference": payer.workspace, "return_url": stack.base_url}
    session = call(stack, "POST", "checkout/sessions", **asked, customer=customer, save_card=True)["id"]
    httpx.post(f"{stack.payments_url}/pay/{session}", data={"card": GOOD_CARD}, trust_env=False)
    assert stack.eventually(lambda: stack.sql(BALANCE, payer.workspace)) == [(5_000_000_000,)]
    [card] = call(stack, "GET", f"cards?customer={customer}")["cards"]
    stack.sql(CUSTOMER + " RETURNING id", payer.workspace, customer)
    stack.sql(ORDER + " RETURNING workspace_id", payer.workspace, card["id"])
    stack.manage("shell", "--no-imports", "-c", "from billing import tasks; tasks.top_up_balances()")
    assert stack.sql(BALANCE, payer.workspace) == [(30_000_000_000,)]
    states = stack.sql("SELECT status FROM billing_topupattempt WHERE workspace_id = %s", payer.workspace)
    assert states == [("succeeded",)]


def held(stack: Stack, payer: Member) -> str:
    """Pay $25 and give back $7 while the sandbox holds its events; return the payment."""
    call(stack, "POST", "webhooks", hold=True)
    asked = {"amount_cents": 2_500, "reference": payer.workspace, "return_url": stack.base_url}
    session = call(stack, "POST", "checkout/sessions", **asked)
    httpx.post(f"{stack.payments_url}/pay/{session['id']}", data={"card": GOOD_CARD}, trust_env=False)
    call(stack, "POST", "refunds", payment_intent=session["payment_intent"], amount_cents=700, key=session["id"])
    return str(session["payment_intent"])


def test_rule_19_events_that_come_three_times_at_once_and_backwards_post_once(stack: Stack) -> None:
    payer = stack.member(credit=0)
    payment = held(stack, payer)
    call(stack, "POST", "webhooks", times=3, backwards=True)
    assert stack.eventually(lambda: stack.sql(BALANCE, payer.workspace)) == [(18_000_000_000,)]
    answered = (
        "SELECT count(*) FROM billing_refund JOIN billing_payment p ON p.id = payment_id WHERE payment_intent = %s"
    )
    assert stack.sql(answered, payment) == [(1,)]
    keys = "SELECT key FROM billing_posting WHERE workspace_id = %s AND key NOT LIKE 'signup:%%' ORDER BY id"
    posted = [key.partition(":")[0] for (key,) in stack.sql(keys, payer.workspace)]
    assert posted == ["topup", "refund"]


def test_rule_20_an_event_signed_too_long_ago_is_refused_and_only_asking_the_provider_credits(stack: Stack) -> None:
    payer = stack.member(credit=0)
    held(stack, payer)
    call(stack, "POST", "webhooks", age=301)
    stack.eventually(lambda: "answered 400" in (stack.var / "payments.log").read_text())
    assert stack.sql(BALANCE, payer.workspace) == []
    stack.manage("shell", "--no-imports", "-c", "from billing import tasks; tasks.catch_up_payments()")
    assert stack.sql(BALANCE, payer.workspace) == [(18_000_000_000,)]
