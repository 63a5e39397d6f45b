"""What a request may come to, before it runs; and how a refusal for money is told. Pure.

The prompt has at most as many tokens as its body has bytes, and what a chat template adds. The answer has as many as
are granted, which is what the upstream is asked for: so no request costs more than is held for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.amounts import dollars
from gateway.errors import BudgetExceeded, InsufficientQuota, InvalidRequest, MaxCostExceeded
from gateway.purses import LEAST_TOKENS, SOFT_TOKENS, USUAL_TOKENS, Wanted
from gateway.schema import CONTEXT_TOKENS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.errors import ApiError
    from gateway.ports import Price
    from gateway.purses import Purse
    from gateway.schema import Chat

TEMPLATE_TOKENS: Final = 64  # a system prompt of the template's own, and where the answer begins
TEMPLATE_TOKENS_PER_MESSAGE: Final = 8
AMOUNT: Final = re.compile(rb"\d{1,9}(\.\d{1,9})?")
NANOS: Final = 1_000_000_000
HEADER: Final = b"x-pylo-max-cost"


@dataclass(frozen=True, slots=True)
class Most:
    """The most tokens that a request is charged for."""

    prompt: int = CONTEXT_TOKENS
    completion: int = CONTEXT_TOKENS


def most_cost(values: Sequence[bytes]) -> int | None:
    """Return the nano-dollars that a request's X-Pylo-Max-Cost allows, None where it has none."""
    if not values:
        return None
    if len(values) > 1 or AMOUNT.fullmatch(values[0]) is None:
        text = "X-Pylo-Max-Cost is one amount of US dollars like 0.05, of at most nine digits and nine decimals."
        raise InvalidRequest(text, code="invalid_max_cost")
    whole, _, decimals = values[0].partition(b".")
    return int(whole) * NANOS + int(decimals.ljust(9, b"0"))


def wanted(chat: Chat, body_bytes: int, price: Price, ceilings: Sequence[bytes]) -> Wanted:
    """Return what the request asks for; `ceilings` are the values of its X-Pylo-Max-Cost.

    Raise `MaxCostExceeded` where its ceiling does not pay for it, and `InvalidRequest` where it is no amount.
    """
    ceiling = most_cost(ceilings)
    template = TEMPLATE_TOKENS + TEMPLATE_TOKENS_PER_MESSAGE * len(chat.messages or ())
    prompt = min(body_bytes + template, CONTEXT_TOKENS)
    want = chat.limit or min(max(CONTEXT_TOKENS - prompt, SOFT_TOKENS), USUAL_TOKENS)
    prompt_nanos = prompt * max(price.input_nanos, price.cached_nanos)
    asked = Wanted(
        prompt_tokens=prompt,
        prompt_nanos=prompt_nanos,
        token_nanos=price.output_nanos,
        want=want,
        least=min(want, LEAST_TOKENS),
        soft=chat.limit is None,
    )
    if ceiling is None:
        return asked
    fits = asked.fits(ceiling) if not asked.soft else _hard(asked).fits(ceiling)
    if fits < asked.least:
        least = dollars(asked.nanos(asked.least))
        raise MaxCostExceeded(
            f"This request can cost more than its X-Pylo-Max-Cost of ${dollars(ceiling)} allows: its prompt and the "
            f"shortest answer may come to ${least}. Nothing was sent to the model."
        )
    return Wanted(prompt, prompt_nanos, price.output_nanos, fits, asked.least, asked.soft)


def _hard(asked: Wanted) -> Wanted:
    return Wanted(asked.prompt_tokens, asked.prompt_nanos, asked.token_nanos, asked.want, asked.least)


def refusal(purse: Purse, available: int, asked: Wanted) -> ApiError:
    """Return the 402 that names the limit, what is available of it, and when there is more."""
    words, needs = purse.words, dollars(asked.nanos(asked.least))
    has = f"${dollars(max(available, 0))} is available, the rest is spent or held for requests that run"
    if purse.budget is None:
        return InsufficientQuota(
            f"The balance of this workspace is too low: {has}, and this request may cost ${needs} or more. "
            "Add credit in the portal."
        )
    return BudgetExceeded(f"This request does not fit into {words}: {has}, and it may cost ${needs} or more.")
