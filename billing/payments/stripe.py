"""Stripe, with its own library: Checkout for people, PaymentIntents for saved cards, one pinned version of its API."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import stripe

from billing.payments.provider import (
    CURRENCY,
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
from billing.signatures import TOLERANCE, BadSignature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

API_VERSION = "2026-10-28.endive"  # what the pinned library speaks; events of another version are read alike
TIMEOUTS = (3.05, 10)  # seconds to connect, and to wait for an answer
ID = re.compile(r"[A-Za-z0-9_]{1,255}")
RETRIES = 1  # the library's own, under one idempotency key
PAGE = 100
STATES = {
    "succeeded": State.SUCCEEDED,
    "processing": State.PENDING,
    "requires_action": State.NEEDS_AUTHENTICATION,
    "canceled": State.FAILED,
}
ASKS = "authentication_required"


class StripeProvider:
    name = "stripe"

    def __init__(self, secret_key: str, webhook_secret: str, *, api_base: str = "") -> None:
        self._webhook_secret = webhook_secret
        self._client = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base} if api_base else {},
            http_client=stripe.RequestsClient(timeout=TIMEOUTS),
            max_network_retries=RETRIES,
        ).v1

    def customer(self, *, workspace: str, email: str) -> str:
        wanted: Any = {"metadata": {"pylo_workspace": workspace}} | ({"email": email} if email else {})
        return str(_asked(self._client.customers.create, wanted)["id"])

    def begin(self, order: Order, *, customer: str, return_url: str, keep_card: bool) -> str:
        back = f"{return_url}{'&' if '?' in return_url else '?'}session={{CHECKOUT_SESSION_ID}}"
        intent: Any = {"metadata": _metadata(order)}
        if keep_card:
            intent["setup_future_usage"] = "off_session"
        name = "Invoice" if order.purpose is Purpose.INVOICE else "Pylo credit"
        price = {"currency": CURRENCY, "unit_amount": order.amount_cents, "product_data": {"name": name}}
        wanted: Any = {
            "mode": "payment",
            "customer": customer,
            "client_reference_id": order.workspace,
            "payment_method_types": ["card"],
            "line_items": [{"quantity": 1, "price_data": price}],
            "payment_intent_data": intent,
            "metadata": _metadata(order),
            "success_url": back,
            "cancel_url": back,
        }
        url = _asked(self._client.checkout.sessions.create, wanted).get("url")
        if not url:
            raise ProviderAway("the checkout session has no page")
        return str(url)

    def session(self, session_id: str) -> Session:
        found = _asked(self._client.checkout.sessions.retrieve, _id(session_id))
        return Session(
            id=str(found["id"]),
            workspace=str(found.get("client_reference_id") or ""),
            payment_intent=_id_of(found.get("payment_intent")),
        )

    def payment(self, payment_intent: str) -> Paid:
        wanted: Any = {"expand": ["latest_charge"]}
        return self._with_refunds(
            _asked(self._client.payment_intents.retrieve, _id(payment_intent), wanted),
        )

    def payments(self, *, since: datetime, customer: str = "") -> Iterator[Paid]:
        wanted: Any = {"created": {"gte": int(since.timestamp())}, "limit": PAGE, "expand": ["data.latest_charge"]}
        if customer:
            wanted["customer"] = customer
        while True:
            page = _asked(self._client.payment_intents.list, wanted)
            for intent in page["data"]:
                yield self._with_refunds(intent) if _amount_refunded(intent) else _paid(intent)
            if not page.get("has_more"):
                return
            wanted = wanted | {"starting_after": page["data"][-1]["id"]}

    def charge(self, order: Order, *, customer: str, card: str, key: str) -> Paid:
        wanted: Any = {
            "amount": order.amount_cents,
            "currency": CURRENCY,
            "customer": customer,
            "payment_method": card,
            "payment_method_types": ["card"],
            "metadata": _metadata(order),
            "confirm": True,
            "off_session": True,
        }
        options: Any = {"idempotency_key": f"charge:{key}"}
        try:
            intent = _asked(self._client.payment_intents.create, wanted, options)
        except stripe.CardError as declined:
            made = getattr(declined.error, "payment_intent", None)
            if made is None:  # the card could not even be tried
                raise NoSuchPayment(declined.code or "card_error") from declined
            intent = made.to_dict()
        return _paid(intent)

    def refund(self, payment_intent: str, *, amount_cents: int, asked: str) -> Refunded:
        wanted: Any = {"payment_intent": payment_intent, "amount": amount_cents, "metadata": {"pylo_refund": asked}}
        options: Any = {"idempotency_key": f"refund:{asked}"}
        try:
            return _refunded(_asked(self._client.refunds.create, wanted, options))
        except (NoSuchPayment, stripe.CardError) as error:
            raise NotRefundable(str(error)) from error

    def cards(self, customer: str) -> tuple[Card, ...]:
        wanted: Any = {"customer": customer, "type": "card", "limit": PAGE}
        found = _asked(self._client.payment_methods.list, wanted)["data"]
        return tuple(_card(one["id"], one["card"]) for one in found)

    def forget(self, card: str) -> None:
        with suppress(NoSuchPayment):
            _asked(self._client.payment_methods.detach, _id(card))

    def read_event(self, body: bytes, headers: Mapping[str, str], now: float) -> Event:  # noqa: ARG002 - it has a clock
        try:
            event = stripe.Webhook.construct_event(
                body, headers.get("Stripe-Signature", ""), self._webhook_secret, tolerance=TOLERANCE
            ).to_dict()
            kind, about = str(event["type"]), event["data"]["object"]
            its_id, payment = str(about.get("id", "")), _id_of(about.get("payment_intent"))
        except stripe.SignatureVerificationError as error:
            raise BadSignature(str(error)[:200]) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadEvent(type(error).__name__) from None
        if kind.startswith("checkout.session."):
            return Event(kind, session_id=its_id)
        return Event(kind, payment_intent=its_id if kind.startswith("payment_intent.") else payment)

    def _with_refunds(self, intent: dict[str, Any]) -> Paid:
        if intent["status"] != "succeeded":
            return _paid(intent)
        wanted: Any = {"payment_intent": intent["id"], "limit": PAGE}
        found = _asked(self._client.refunds.list, wanted)["data"]
        return replace(_paid(intent), refunds=tuple(_refunded(one) for one in found))


def _asked(call: Callable[..., stripe.StripeObject], *args: Any) -> dict[str, Any]:
    """Ask Stripe; what it does not know and what it cannot say now are errors of ours. A `CardError` goes through."""
    try:
        return call(*args).to_dict()
    except stripe.CardError:
        raise
    except stripe.InvalidRequestError as error:
        gone = error.code == "resource_missing" and error.param == "customer"
        raise (NoSuchCustomer if gone else NoSuchPayment)(str(error.user_message or error)[:200]) from error
    except stripe.StripeError as error:
        raise ProviderAway(type(error).__name__) from error


def _amount_refunded(intent: dict[str, Any]) -> int:
    """Return what the charge says of its refunds; a list of payments asks for refunds only where there are any."""
    charge = intent.get("latest_charge")
    return int(charge.get("amount_refunded") or 0) if isinstance(charge, dict) else 0


def _metadata(order: Order) -> dict[str, str]:
    told = {
        "pylo_workspace": order.workspace,
        "pylo_purpose": order.purpose.value,
        "pylo_invoice": order.invoice,
        "pylo_attempt": order.attempt,
    }
    return {name: value for name, value in told.items() if value}


def _paid(intent: dict[str, Any]) -> Paid:
    about: dict[str, str] = intent.get("metadata") or {}
    wrong = intent.get("last_payment_error") or {}
    decline = str(wrong.get("decline_code") or wrong.get("code") or "")
    charge = intent.get("latest_charge")
    return Paid(
        payment_intent=str(intent["id"]),
        order=Order(
            workspace=about.get("pylo_workspace", ""),
            amount_cents=int(intent["amount"]),
            purpose=_purpose(about.get("pylo_purpose", "")),
            invoice=about.get("pylo_invoice", ""),
            attempt=about.get("pylo_attempt", ""),
        ),
        state=_state(str(intent["status"]), decline, str(wrong.get("code") or "")),
        currency=str(intent["currency"]),
        decline=decline,
        card=_id_of(intent.get("payment_method")),
        receipt_url=str(charge.get("receipt_url") or "") if isinstance(charge, dict) else "",
    )


def _state(status: str, decline: str, code: str) -> State:
    """Return ours. A payment that waits for a card was declined if anything was tried, and is not paid yet if not."""
    if status == "requires_payment_method" and ASKS in {decline, code}:
        return State.NEEDS_AUTHENTICATION
    if status == "requires_payment_method" and (decline or code):
        return State.FAILED
    return STATES.get(status, State.PENDING)


def _purpose(word: str) -> Purpose:
    return Purpose(word) if word in set(Purpose) else Purpose.TOP_UP


def _refunded(refund: dict[str, Any]) -> Refunded:
    return Refunded(
        id=str(refund["id"]),
        amount_cents=int(refund["amount"]),
        failed=refund.get("status") in {"failed", "canceled"},
        asked=(refund.get("metadata") or {}).get("pylo_refund", ""),
    )


def _card(card_id: str, card: dict[str, Any]) -> Card:
    expires = f"{int(card['exp_month']):02d}/{int(card['exp_year']) % 100:02d}"
    return Card(card_id, str(card["brand"]).capitalize(), str(card["last4"]), expires)


def _id_of(thing: object) -> str:
    """Return the id of what Stripe gives as an id, as an object, or not at all."""
    return str(thing["id"]) if isinstance(thing, dict) else str(thing or "")


def _id(text: str) -> str:
    """Return an id that may stand in a path."""
    if ID.fullmatch(text) is None:
        raise NoSuchPayment(text[:80])
    return text
