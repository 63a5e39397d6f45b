"""The sandbox's provider: `sandbox.payments`, over HTTP. It has Stripe's behaviour in a smaller vocabulary."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx

from billing import signatures
from billing.payments.provider import (
    BadEvent,
    Card,
    Event,
    NoSuchCustomer,
    NoSuchPayment,
    NotRefundable,
    Order,
    Paid,
    ProviderAway,
    Purpose,
    Refunded,
    Session,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

ID = re.compile(r"[A-Za-z0-9_]{1,80}")
PATIENCE = 5.0  # seconds
STATES = {"open": State.PENDING} | {state.value: state for state in State}


class SandboxProvider:
    name = "sandbox"

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret

    def customer(self, *, workspace: str, email: str) -> str:
        return _text(self._call("POST", "customers", {"reference": workspace, "email": email}), "id")

    def begin(self, order: Order, *, customer: str, return_url: str, keep_card: bool) -> str:
        asked = {
            "amount_cents": order.amount_cents,
            "reference": order.workspace,
            "return_url": return_url,
            "customer": customer,
            "save_card": keep_card,
            "about": _about(order),
        }
        return _text(self._call("POST", "checkout/sessions", asked), "url")

    def session(self, session_id: str) -> Session:
        found = self._call("GET", f"checkout/sessions/{_id(session_id)}")
        payment_intent = _text(found, "payment_intent")
        if _text(found, "id") != session_id or ID.fullmatch(payment_intent) is None:
            raise ProviderAway("the payment provider's answer is about another session, or no payment")
        return Session(id=session_id, workspace=_text(found, "reference"), payment_intent=payment_intent)

    def payment(self, payment_intent: str) -> Paid:
        found = _paid(self._call("GET", f"payments/{_id(payment_intent)}"))
        if found.payment_intent != payment_intent:
            raise ProviderAway("the payment provider's answer is about another payment")
        return found

    def payments(self, *, since: datetime, customer: str = "") -> Iterator[Paid]:
        after, more = 0, True
        while more:
            page = self._call(
                "GET", f"payments?since={int(since.timestamp())}&customer={customer and _id(customer)}&after={after}"
            )
            found = _list(page, "payments")
            yield from (_paid(one) for one in found)
            after, more = after + len(found), page.get("more") is True and bool(found)

    def charge(self, order: Order, *, customer: str, card: str, key: str) -> Paid:
        asked = {"customer": customer, "card": card, "amount_cents": order.amount_cents, "key": key}
        return _paid(self._call("POST", "payments", asked | {"about": _about(order)}))

    def refund(self, payment_intent: str, *, amount_cents: int, asked: str) -> Refunded:
        wanted = {"payment_intent": payment_intent, "amount_cents": amount_cents, "key": asked}
        try:
            found = self._call("POST", "refunds", wanted | {"about": {"refund": asked}})
        except NoSuchPayment as error:
            raise NotRefundable(str(error)) from error
        return _refunded(found | {"asked": asked})

    def cards(self, customer: str) -> tuple[Card, ...]:
        found = _list(self._call("GET", f"cards?customer={_id(customer)}"), "cards")
        return tuple(Card(*(_text(one, name) for name in ("id", "brand", "last_four", "expires"))) for one in found)

    def forget(self, card: str) -> None:
        self._call("DELETE", f"cards/{_id(card)}")

    def read_event(self, body: bytes, headers: Mapping[str, str], now: float) -> Event:
        signatures.verify(body, headers.get("Pylo-Signature", ""), self._secret, now)
        try:
            event = json.loads(body)
            kind, about = str(event["type"]), event["data"]["object"]
            its_id, payment = str(about.get("id", "")), str(about.get("payment_intent", ""))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadEvent(type(error).__name__) from None
        if kind.startswith("checkout.session."):
            return Event(kind, session_id=its_id)
        return Event(kind, payment_intent=its_id if kind.startswith("payment_intent.") else payment)

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._secret}"}
        url = f"{self._url}/v1/{path}"
        try:
            response = httpx.request(method, url, json=body, headers=headers, timeout=PATIENCE, trust_env=False)
            if response.status_code in {httpx.codes.NOT_FOUND, httpx.codes.BAD_REQUEST}:
                said = response.json()
                raise (NoSuchCustomer if said.get("param") == "customer" else NoSuchPayment)(str(said.get("error")))
            answer = response.raise_for_status().json()
        except (httpx.HTTPError, json.JSONDecodeError, AttributeError) as error:
            raise ProviderAway(type(error).__name__) from error
        if not isinstance(answer, dict):
            raise ProviderAway("the payment provider's answer is no object")
        return answer


def _about(order: Order) -> dict[str, str]:
    return {
        "workspace": order.workspace,
        "purpose": order.purpose.value,
        "invoice": order.invoice,
        "attempt": order.attempt,
    }


def _paid(found: dict[str, Any]) -> Paid:
    payment_intent, state, about = _text(found, "id"), STATES.get(_text(found, "status")), found.get("about")
    if ID.fullmatch(payment_intent) is None or state is None or not isinstance(about, dict):
        raise ProviderAway("the payment provider's answer is no payment")
    return Paid(
        payment_intent=payment_intent,
        order=Order(
            workspace=str(about.get("workspace", "")),
            amount_cents=_cents(found),
            purpose=_purpose(about.get("purpose")),
            invoice=str(about.get("invoice", "")),
            attempt=str(about.get("attempt", "")),
        ),
        state=state,
        decline=str(found.get("decline", "")),
        card=str(found.get("card", "")),
        refunds=tuple(_refunded(one) for one in _list(found, "refunds")),
    )


def _refunded(found: dict[str, Any]) -> Refunded:
    return Refunded(
        id=_text(found, "id"),
        amount_cents=_cents(found),
        failed=_text(found, "status") == "failed",
        asked=str(found.get("asked", "")),
    )


def _purpose(word: object) -> Purpose:
    try:
        return Purpose(str(word))
    except ValueError:
        raise ProviderAway(f"the payment provider's answer has an unknown purpose, {word!r}") from None


def _cents(answer: dict[str, Any]) -> int:
    amount = answer.get("amount_cents")
    if isinstance(amount, bool) or not isinstance(amount, int) or amount <= 0:
        raise ProviderAway("the payment provider's answer has no amount")
    return amount


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise ProviderAway(f"the payment provider's answer has no {name}")
    return value


def _list(answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = answer.get(name)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ProviderAway(f"the payment provider's answer has no {name}")
    return value


def _id(text: str) -> str:
    """Return an id that may stand in a path."""
    if ID.fullmatch(text) is None:
        raise NoSuchPayment(text[:80])
    return text
