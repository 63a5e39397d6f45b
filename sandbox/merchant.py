"""The merchant's side of the sandbox's payments: a small HTTP API behind the secret, in JSON both ways."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from sandbox.vault import Unacceptable
from sandbox.webhooks import Webhook, charged, refunded

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.checkout import Sessions
    from sandbox.vault import Vault

CHECKOUT: Final = "checkout/sessions"
Answer = tuple[int, dict[str, Any]]
NOTHING: Final[Answer] = (HTTPStatus.NOT_FOUND, {"error": "there is no such thing"})
PAGE: Final = 100


class Merchant:
    def __init__(self, vault: Vault, sessions: Sessions, webhook: Webhook, clock: Callable[[], float]) -> None:
        self._vault = vault
        self._sessions = sessions
        self._webhook = webhook
        self._clock = clock

    def answer(self, method: str, path: str, asked: dict[str, Any], base: str) -> Answer:
        """Do what was asked: `path` is below /v1/, `asked` the body or the query, `base` where the pay page is."""
        first, _, rest = path.partition("/")
        try:
            match method, first:
                case _, "checkout":
                    return self._checkout(method, path.removeprefix(CHECKOUT).strip("/"), asked, base)
                case "POST", "customers":
                    return HTTPStatus.OK, {"id": self._vault.customer(str(asked.get("reference"))).id}
                case _, "cards":
                    return self._cards(method, rest, str(asked.get("customer")))
                case _, "payments":
                    return self._payments(method, rest, asked)
                case "POST", "refunds":
                    return self._refund(asked)
                case "POST", "webhooks":
                    return self._webhooks(asked)
                case _:
                    return NOTHING
        except Unacceptable as error:
            return HTTPStatus.BAD_REQUEST, {"error": str(error), "param": error.param}

    def _checkout(self, method: str, session_id: str, asked: dict[str, Any], base: str) -> Answer:
        if method == "POST" and not session_id:
            made = self._sessions.create(asked, now=int(self._clock()))
            return HTTPStatus.CREATED, made.shown() | {"url": f"{base}/pay/{made.id}"}
        session = self._sessions.get(session_id)
        return NOTHING if session is None else (HTTPStatus.OK, session.shown())

    def _cards(self, method: str, card: str, customer: str) -> Answer:
        if method == "DELETE":
            self._vault.forget_card(card)
            return HTTPStatus.OK, {}
        return HTTPStatus.OK, {"cards": [each.shown() for each in self._vault.cards_of(customer)]}

    def _payments(self, method: str, payment_id: str, asked: dict[str, Any]) -> Answer:
        if method == "POST":
            payment, made = self._vault.charge(asked, now=int(self._clock()))
            if made:
                self._webhook.send_soon(charged(payment, int(self._clock())))
            return HTTPStatus.OK, self._vault.shown(payment)
        if payment_id:
            found = self._vault.payments.get(payment_id)
            return NOTHING if found is None else (HTTPStatus.OK, self._vault.shown(found))
        since, customer = int(asked.get("since", 0)), asked.get("customer", "")
        among = [
            payment
            for payment in self._vault.payments.values()
            if payment.created >= since and customer in ("", payment.customer)
        ]
        start = int(asked.get("after", 0))
        page = [self._vault.shown(payment) for payment in among[start : start + PAGE]]
        return HTTPStatus.OK, {"payments": page, "more": len(among) > start + PAGE}

    def _refund(self, asked: dict[str, Any]) -> Answer:
        refund, made = self._vault.refund(asked)
        if made:
            self._webhook.send_soon(refunded(refund, int(self._clock())))
        return HTTPStatus.OK, {"id": refund.id, "amount_cents": refund.amount_cents, "status": refund.status}

    def _webhooks(self, asked: dict[str, Any]) -> Answer:
        """Hold events back, or send those that were held."""
        if asked.get("hold"):
            self._webhook.holding = True
            return HTTPStatus.OK, {}
        sent = self._webhook.release(
            times=int(asked.get("times", 1)), backwards=bool(asked.get("backwards")), age=int(asked.get("age", 0))
        )
        return HTTPStatus.OK, {"sent": sent}
