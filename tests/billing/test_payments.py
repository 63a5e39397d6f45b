from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from billing.payments import BadEvent, Event, NoSuchSession, ProviderAway, SandboxProvider, Session
from sandbox.webhooks import sign
from tests.fakes import payments as fake
from tests.fakes.payments import SECRET
from tests.fakes.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.payments import Payments


@pytest.fixture(scope="module")
def payments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Payments]:
    with fake.running(tmp_path_factory.mktemp("payments")) as running:
        yield running


@pytest.fixture
def provider(payments: Payments) -> SandboxProvider:
    return SandboxProvider(payments.url, SECRET)


def test_a_payment_is_open_until_it_is_paid(payments: Payments, provider: SandboxProvider) -> None:
    url = provider.begin(amount_cents=1_250, reference="w1", return_url="http://localhost:8000/")
    assert url.startswith(f"{payments.url}/pay/cs_")
    session_id = url.rsplit("/", 1)[1]
    before = provider.fetch(session_id)
    payments.pay(session_id)
    after = provider.fetch(session_id)
    assert (before.paid, after.paid) == (False, True)
    assert after == Session(
        id=session_id, payment_intent=before.payment_intent, reference="w1", amount_cents=1_250, paid=True
    )


@pytest.mark.parametrize("session_id", ["", "cs_0", "../../pay.css", "a b", "x" * 500])
def test_an_unknown_session_is_none(provider: SandboxProvider, session_id: str) -> None:
    with pytest.raises(NoSuchSession):
        provider.fetch(session_id)


def test_a_wrong_secret_and_an_absent_provider_are_no_answer(payments: Payments) -> None:
    for provider in (
        SandboxProvider(payments.url, "wrong"),
        SandboxProvider(f"http://127.0.0.1:{free_port()}", SECRET),
    ):
        with pytest.raises(ProviderAway):
            provider.fetch("cs_0")


def test_the_sandboxs_own_event_is_read(payments: Payments, provider: SandboxProvider) -> None:
    session_id = payments.begin()
    payments.pay(session_id)
    delivery = payments.heard()
    while session_id.encode() not in delivery.body:
        delivery = payments.heard()
    headers = {"Pylo-Signature": delivery.signature}
    event = provider.read_event(delivery.body, headers, time.time())
    assert event == Event("checkout.session.completed", session_id)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"type":"x"}', b'{"type":"x","data":{"object":[]}}', b"\xff"])
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    provider = SandboxProvider("http://localhost", SECRET)
    with pytest.raises(BadEvent):
        provider.read_event(body, {"Pylo-Signature": sign(body, SECRET, 100)}, 100)


def test_an_event_about_something_else_names_no_session() -> None:
    body = json.dumps({"type": "refund.created", "data": {"object": {}}}).encode()
    provider = SandboxProvider("http://localhost", SECRET)
    assert provider.read_event(body, {"Pylo-Signature": sign(body, SECRET, 100)}, 100) == Event("refund.created", "")


@contextmanager
def answering(answer: object) -> Iterator[SandboxProvider]:
    """A provider that answers every question so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield SandboxProvider(f"http://127.0.0.1:{server.server_port}", SECRET)
        server.shutdown()


PAID = {"id": "cs_1", "payment_intent": "pi_1", "reference": "w1", "amount_cents": 500, "status": "paid"}


def test_an_answer_is_taken_as_it_stands() -> None:
    with answering(PAID) as provider:
        assert provider.fetch("cs_1") == Session(
            id="cs_1", payment_intent="pi_1", reference="w1", amount_cents=500, paid=True
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"payment_intent": ""},
        {"payment_intent": "x" * 81},
        {"id": "cs_2"},
        {"amount_cents": 0},
        {"amount_cents": -500},
        {"amount_cents": True},
        {"amount_cents": "500"},
        {"status": None},
    ],
)
def test_an_answer_that_no_payment_can_have_is_nonsense(wrong: dict[str, object]) -> None:
    with answering(PAID | wrong) as provider, pytest.raises(ProviderAway):
        provider.fetch("cs_1")
