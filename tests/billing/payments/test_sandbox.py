from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from billing.payments.provider import Order, Paid, ProviderAway, Session, State
from billing.payments.sandbox import SandboxProvider
from tests.fakes.payments import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.payments import Payments


def test_a_wrong_secret_is_no_answer(sandbox_payments: Payments) -> None:
    with pytest.raises(ProviderAway):
        SandboxProvider(sandbox_payments.url, "wrong").payment("pi_0")


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


PAID = {"id": "pi_1", "about": {"workspace": "w1", "purpose": "top_up"}, "amount_cents": 500, "status": "succeeded"}
PAID |= {"refunds": []}
SESSION = {"id": "cs_1", "payment_intent": "pi_1", "reference": "w1"}


def test_an_answer_is_taken_as_it_stands() -> None:
    with answering(PAID) as provider:
        found = provider.payment("pi_1")
    assert found == Paid(payment_intent="pi_1", order=Order(workspace="w1", amount_cents=500), state=State.SUCCEEDED)
    with answering(SESSION) as provider:
        assert provider.session("cs_1") == Session(id="cs_1", workspace="w1", payment_intent="pi_1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": "x" * 81},
        {"id": "pi_2"},
        {"amount_cents": 0},
        {"amount_cents": -500},
        {"amount_cents": True},
        {"amount_cents": "500"},
        {"status": None},
        {"status": "perhaps"},
        {"about": None},
        {"about": {"purpose": "gift"}},
        {"refunds": None},
        {"refunds": [{"id": "re_1", "amount_cents": 0, "status": "succeeded"}]},
    ],
)
def test_an_answer_that_no_payment_can_have_is_nonsense(wrong: dict[str, object]) -> None:
    with answering(PAID | wrong) as provider, pytest.raises(ProviderAway):
        provider.payment("pi_1")


@pytest.mark.parametrize("wrong", [{"id": "cs_2"}, {"payment_intent": "x" * 81}, {"payment_intent": ""}])
def test_an_answer_about_another_session_is_nonsense(wrong: dict[str, object]) -> None:
    with answering(SESSION | wrong) as provider, pytest.raises(ProviderAway):
        provider.session("cs_1")
