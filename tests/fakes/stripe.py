"""A small Stripe: its HTTP API as far as Pylo calls it, with its behaviour, its error bodies and its signed events.

It refuses parameters that Stripe does not know there, repeats what an idempotency key made, and has the payment of a
checkout session only once somebody paid. `pay` does what a payer does on Stripe's page.
"""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import stripe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY, WEBHOOK_SECRET = "sk_test_fake", "whsec_fake"
VERSION = "2026-10-28.endive"
DECLINED, ASKS, DECLINED_LATER = "4000000000000002", "4000000000003220", "4000000000000341"
INTENT = "amount currency customer payment_method payment_method_types metadata confirm off_session expand"
SESSION = "mode customer client_reference_id payment_method_types line_items payment_intent_data metadata"
KNOWN = {  # the parameters that are taken, by method and path
    "POST customers": {"email", "metadata"},
    "POST checkout": {*SESSION.split(), "success_url", "cancel_url"},
    "POST payment_intents": set(INTENT.split()),
    "GET payment_intents": {"customer", "created", "limit", "starting_after", "expand"},
    "POST refunds": {"payment_intent", "amount", "metadata"},
    "GET refunds": {"payment_intent", "limit"},
    "GET payment_methods": {"customer", "type", "limit"},
}
Form = dict[str, str]


class Refused(Exception):  # noqa: N818 - an answer
    def __init__(self, status: int, kind: str, code: str, **more: Any) -> None:
        self.status = status
        self.body = {"error": {"type": kind, "code": code, "message": code, **more}}


def missing(param: str = "id") -> Refused:
    return Refused(404, "invalid_request_error", "resource_missing", param=param)


@dataclass
class Stripe:
    """The state; tests read it and change it as a dashboard would."""

    url: str = ""
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    cards: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[bytes] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    replies: dict[str, tuple[int, Any]] = field(default_factory=dict)  # by idempotency key
    failing: int = 0  # how many calls from now on answer 500
    stuck: str = ""  # the call that answers 500 whenever it comes
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, path: str, form: Form, key: str) -> tuple[int, Any]:
        with self._lock:
            self.calls.append(f"{method} {path}")
            if self.failing or self.calls[-1] == self.stuck:
                self.failing = max(0, self.failing - 1)
                return 500, {"error": {"type": "api_error", "message": "down"}}
            if key in self.replies:
                return self.replies[key]
            try:
                reply = 200, self._route(method, path.removeprefix("/v1/").split("/"), form)
            except Refused as refused:
                reply = refused.status, refused.body
            if key:
                self.replies[key] = reply
            return reply

    def _route(self, method: str, parts: list[str], form: Form) -> Any:
        asked = {name.partition("[")[0] for name in form}
        known = KNOWN.get(f"{method} {parts[0]}", set()) if len(parts) == 1 or parts[0] == "checkout" else {"expand"}
        if method == "POST" and asked - known:
            raise Refused(400, "invalid_request_error", f"parameter_unknown: {asked - known}")
        if parts[0] == "checkout":
            return self._session(parts[2] if len(parts) > 2 else "", form)
        routes: dict[str, Callable[[str, list[str], Form], Any]] = {
            "customers": self._customer,
            "payment_intents": self._intent,
            "refunds": self._refund,
            "payment_methods": self._method,
        }
        return routes[parts[0]](method, parts[1:], form)

    def _customer(self, _method: str, _rest: list[str], form: Form) -> Any:
        made = self._new("cus")
        self.customers[made] = {"id": made, "object": "customer", "email": form.get("email"), "metadata": inside(form)}
        return self.customers[made]

    def _session(self, its_id: str, form: Form) -> Any:
        if its_id:
            if its_id not in self.sessions:
                raise missing()
            return self.sessions[its_id]
        if form["customer"] not in self.customers:
            raise missing("customer")
        made = self._new("cs_test")
        self.sessions[made] = {
            "id": made,
            "object": "checkout.session",
            "url": f"{self.url}/pay/{made}",
            "client_reference_id": form["client_reference_id"],
            "customer": form["customer"],
            "payment_intent": None,
            "payment_status": "unpaid",
            "amount_total": int(form["line_items[0][price_data][unit_amount]"]),
            "success_url": form["success_url"],
            "_about": inside(form, "payment_intent_data[metadata]"),
            "_keep": form.get("payment_intent_data[setup_future_usage]") == "off_session",
        }
        return self.sessions[made]

    def pay(self, session_id: str, number: str = "4242424242424242") -> None:
        """Pay as a person on Stripe's page: a declined card leaves a payment that waits for another one."""
        session = self.sessions[session_id]
        intent = self.intents.get(str(session["payment_intent"])) or self._make(
            session["amount_total"], session["customer"], session["_about"]
        )
        session["payment_intent"] = intent["id"]
        if number == DECLINED:
            intent["last_payment_error"] = {"code": "card_declined", "decline_code": "generic_decline"}
            self._tell("payment_intent.payment_failed", intent)
            return
        card = self.save_card(session["customer"] if session["_keep"] else None, number)
        self._succeed(intent, card)
        session["payment_status"] = "paid"
        self._tell("checkout.session.completed", session)

    def save_card(self, customer: str | None, number: str) -> str:
        shown = {"brand": "visa", "last4": number[-4:], "exp_month": 8, "exp_year": 2031}
        made = self._new("pm")
        self.cards[made] = {"id": made, "object": "payment_method", "customer": customer, "card": shown, "_no": number}
        return made

    def _intent(self, method: str, rest: list[str], form: Form) -> Any:
        if rest:
            if rest[0] not in self.intents:
                raise missing()
            return self.intents[rest[0]]
        if method == "GET":
            since, customer = int(form.get("created[gte]", 0)), form.get("customer")
            found = [each for each in reversed(self.intents.values()) if each["created"] >= since]
            return page([each for each in found if customer in {None, each["customer"]}], form)
        card = self.cards.get(form["payment_method"])
        if card is None or card["customer"] != form["customer"]:
            raise missing()
        intent = self._make(int(form["amount"]), form["customer"], inside(form))
        if card["_no"] in {ASKS, DECLINED_LATER}:
            code = "authentication_required" if card["_no"] == ASKS else "card_declined"
            intent["last_payment_error"] = {"code": code, "decline_code": code}
            self._tell("payment_intent.payment_failed", intent)
            raise Refused(402, "card_error", code, decline_code=code, payment_intent=dict(intent))
        self._succeed(intent, card["id"])
        self._tell("payment_intent.succeeded", intent)
        return intent

    def refund(self, intent: str, amount: int, about: Form | None = None) -> str:
        """Refund, as the API and as the dashboard do."""
        left = self.intents[intent]["amount"] - sum(
            each["amount"] for each in self.refunds.values() if each["payment_intent"] == intent
        )
        if self.intents[intent]["status"] != "succeeded" or amount > left:
            raise Refused(400, "invalid_request_error", "charge_already_refunded")
        made = self._new("re")
        facts = {"payment_intent": intent, "amount": amount, "status": "succeeded", "metadata": about or {}}
        self.refunds[made] = {"id": made, "object": "refund"} | facts
        self.intents[intent]["latest_charge"]["amount_refunded"] += amount
        self._tell("charge.refunded", {"id": "ch_1", "object": "charge", "payment_intent": intent})
        return made

    def _refund(self, method: str, _rest: list[str], form: Form) -> Any:
        if form["payment_intent"] not in self.intents:
            raise missing()
        if method == "GET":
            return page([one for one in self.refunds.values() if one["payment_intent"] == form["payment_intent"]], form)
        return self.refunds[self.refund(form["payment_intent"], int(form["amount"]), inside(form))]

    def _method(self, _method: str, rest: list[str], form: Form) -> Any:
        if not rest:
            return page([card for card in self.cards.values() if card["customer"] == form["customer"]], form)
        card = self.cards.get(rest[0])
        if card is None or card["customer"] is None:
            raise missing()
        card["customer"] = None
        return card

    def _make(self, amount: int, customer: str, about: Form) -> dict[str, Any]:
        made: dict[str, Any] = {"id": self._new("pi"), "object": "payment_intent", "amount": amount, "currency": "usd"}
        made |= {"customer": customer, "metadata": about, "status": "requires_payment_method", "payment_method": None}
        made |= {"created": int(time.time()), "last_payment_error": None, "latest_charge": None}
        self.intents[made["id"]] = made
        return made

    def _succeed(self, intent: dict[str, Any], card: str) -> None:
        charge: dict[str, Any] = {
            "id": self._new("ch"),
            "object": "charge",
            "receipt_url": "https://pay.stripe.com/receipts/1",
        }
        charge |= {"amount_refunded": 0}
        intent |= {"status": "succeeded", "payment_method": card, "last_payment_error": None, "latest_charge": charge}

    def _tell(self, kind: str, about: dict[str, Any]) -> None:
        event = {"id": self._new("evt"), "object": "event", "type": kind, "data": {"object": about}}
        self.events.append(json.dumps(event).encode())

    def _new(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):06d}"


def inside(form: Form, name: str = "metadata") -> Form:
    pattern = re.compile(re.escape(name) + r"\[(\w+)\]")
    return {found[1]: value for field, value in form.items() if (found := pattern.fullmatch(field))}


def page(found: list[dict[str, Any]], form: Form) -> Any:
    after = form.get("starting_after")
    start = next((place + 1 for place, one in enumerate(found) if one["id"] == after), 0)
    end = start + int(form.get("limit", 10))
    return {"object": "list", "data": found[start:end], "has_more": len(found) > end, "url": "/"}


def signed(body: bytes, *, age: int = 0, secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    """Return the header of an event that was sent `age` seconds ago."""
    stamp = int(time.time()) - age
    made = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, stamp)
    return {"Stripe-Signature": str(made)}


@contextmanager
def running() -> Iterator[Stripe]:
    fake = Stripe()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            address = urlsplit(self.path)
            form = dict(parse_qsl(self.rfile.read(size).decode() or address.query))
            if self.headers["Authorization"] != f"Bearer {KEY}" or self.headers["Stripe-Version"] != VERSION:
                status, body = 401, {"error": {"type": "invalid_request_error", "message": "no such key"}}
            else:
                key = self.headers.get("Idempotency-Key") or ""
                status, body = fake.answer(self.command, address.path, form, key)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer  # noqa: N815 - the names are the server's

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield fake
        server.shutdown()
        thread.join()
