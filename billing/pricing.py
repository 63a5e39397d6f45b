"""What tokens cost, and who pays for which outcome (the rules of the pricing page). Exact integers throughout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from billing.errors import BillingError
from gateway.usage import CHARGED, Outcome, Tokens

CHARGED_OUTCOMES = [outcome.value for outcome in sorted(CHARGED)]  # as Postgres has them
MOST_TOKENS = 1_000_000_000  # of a kind in one request: thousands of times what any model takes or gives


class Priced(Protocol):
    """Anything with nano-dollars a token: `models.Price`, or `Rates`."""

    @property
    def input_nanos(self) -> int: ...
    @property
    def cached_nanos(self) -> int: ...
    @property
    def output_nanos(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Rates:
    input_nanos: int
    cached_nanos: int
    output_nanos: int


@dataclass(frozen=True, slots=True)
class Charge:
    """Nano-dollars by invoice item."""

    input_nanos: int
    cached_nanos: int
    output_nanos: int

    @property
    def total(self) -> int:
        return self.input_nanos + self.cached_nanos + self.output_nanos


@dataclass(frozen=True, slots=True)
class Bill:
    """What one request costs its workspace, or would have cost. One of the two is zero."""

    cost_nanos: int
    waived_nanos: int


class ImpossibleTokens(BillingError):  # noqa: N818 - reads as what it is
    """Counts that no request can have; nothing may be charged by them."""

    def __init__(self, tokens: Tokens, why: str) -> None:
        super().__init__(f"{why}: {tokens}")


def check(tokens: Tokens) -> None:
    """Raise `ImpossibleTokens` unless cached is part of prompt, reasoning part of completion, and all are plausible."""
    if min(tokens.prompt, tokens.cached, tokens.completion, tokens.reasoning) < 0:
        raise ImpossibleTokens(tokens, "a count is negative")
    if tokens.cached > tokens.prompt:
        raise ImpossibleTokens(tokens, "more tokens were cached than the prompt has")
    if tokens.reasoning > tokens.completion:
        raise ImpossibleTokens(tokens, "more tokens were reasoning than were generated")
    if max(tokens.prompt, tokens.completion) > MOST_TOKENS:
        raise ImpossibleTokens(tokens, f"more tokens than {MOST_TOKENS:,}")


def charge(tokens: Tokens, price: Priced) -> Charge:
    """Price the tokens. Reasoning is inside completion and is not added again."""
    check(tokens)
    return Charge(
        input_nanos=(tokens.prompt - tokens.cached) * price.input_nanos,
        cached_nanos=tokens.cached * price.cached_nanos,
        output_nanos=tokens.completion * price.output_nanos,
    )


def charged(outcome: Outcome) -> bool:
    """Say who pays: the customer for answers, and for what was generated until they left; we for all the rest."""
    return outcome in CHARGED


def bill(tokens: Tokens, outcome: Outcome, price: Priced) -> Bill:
    total = charge(tokens, price).total
    return Bill(cost_nanos=total, waived_nanos=0) if charged(outcome) else Bill(cost_nanos=0, waived_nanos=total)
