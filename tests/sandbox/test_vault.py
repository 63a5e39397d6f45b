from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.vault import Payment, Unacceptable, Vault

if TYPE_CHECKING:
    from pathlib import Path


def charge(vault: Vault, number: str, key: str = "k1", **fields: Any) -> Payment:
    customer = vault.customer("w1")
    card = vault.keep_card(customer.id, number)
    asked = {"customer": customer.id, "card": card.id, "amount_cents": 2_500, "key": key}
    return vault.charge(asked | fields, now=100)[0]


def paid(vault: Vault) -> Payment:
    return vault.open_payment(Payment(id="pi_1", amount_cents=2_500, created=1, status="succeeded"))


@pytest.mark.parametrize(
    ("number", "status", "decline"),
    [
        ("4242424242424242", "succeeded", ""),
        ("4000002500003155", "succeeded", ""),
        ("4000000000003220", "needs_authentication", "authentication_required"),
        ("4000000000000341", "failed", "card_declined"),
        ("4000000000009995", "failed", "insufficient_funds"),
    ],
)
def test_what_a_saved_card_does_while_its_holder_is_away(number: str, status: str, decline: str) -> None:
    payment = charge(Vault(), number)
    assert (payment.status, payment.decline, payment.amount_cents) == (status, decline, 2_500)


def test_a_key_charges_once() -> None:
    vault = Vault()
    assert charge(vault, "4242424242424242") == charge(vault, "4242424242424242")
    assert len(vault.payments) == 1


def test_a_customer_and_a_card_are_made_once() -> None:
    vault = Vault()
    customer = vault.customer("w1")
    assert vault.customer("w1") == customer
    assert vault.keep_card(customer.id, "4242424242424242") == vault.keep_card(customer.id, "4242424242424242")


def test_nobody_charges_the_card_of_another_customer() -> None:
    vault = Vault()
    with pytest.raises(Unacceptable):
        charge(vault, "4242424242424242", customer=vault.customer("w2").id)
    assert vault.payments == {}


def test_refunds_never_pass_the_payment() -> None:
    vault = Vault()
    paid(vault)
    asked = {"payment_intent": "pi_1", "amount_cents": 2_000, "key": "r1"}
    first, made = vault.refund(asked)
    assert (made, vault.refund(asked)) == (True, (first, False))
    with pytest.raises(Unacceptable, match="more than what is left"):
        vault.refund(asked | {"key": "r2", "amount_cents": 501})
    assert [refund.amount_cents for refund in vault.refunds_of("pi_1")] == [2_000]


def test_a_payment_that_succeeded_stays_so() -> None:
    vault = Vault()
    paid(vault)
    assert vault.move("pi_1", status="open").status == "succeeded"


def test_all_of_it_is_there_after_a_restart(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "payments.json")
    payment = charge(vault, "4242424242424242")
    refund, _ = vault.refund({"payment_intent": payment.id, "amount_cents": 100, "key": "r1"})
    again = Vault(tmp_path / "payments.json")
    assert (again.payments, again.cards, again.customers) == (vault.payments, vault.cards, vault.customers)
    assert again.refunds == {refund.id: refund}
    assert charge(again, "4242424242424242") == payment
