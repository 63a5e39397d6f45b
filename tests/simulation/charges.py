"""What a client pays must be what it was given: nothing for what broke, and the upstream's own usage for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.usage import CHARGED, Outcome, Tokens, UsageSource
from tests.simulation import wire

if TYPE_CHECKING:
    from gateway.usage import RequestRecord
    from tests.simulation.clients import Exchange
    from tests.simulation.network import Call

FREE_WITHOUT_TOKENS = Outcome.NO_TOKENS


def check(exchange: Exchange, calls: list[Call], record: RequestRecord | None) -> None:
    """Compare the record with what the client saw and what the upstreams sent."""

    def must(what: str, *, hold: bool) -> None:
        if not hold:
            exchange.world.broken("charge", f"{what}: {record}", exchange.serial)

    whole = wire.is_whole(exchange)
    if record is None:
        must("an answer was given and no record is written", hold=not whole)
        return
    must("another number of attempts is recorded", hold=record.attempts == len(calls))
    must("another upstream is recorded", hold=record.upstream == calls[-1].name)
    must("other tries are recorded", hold=[each.upstream for each in record.tries] == [call.name for call in calls])
    if whole:
        must("a whole answer ended otherwise", hold=record.outcome in (Outcome.COMPLETED, Outcome.NO_TOKENS))
    elif exchange.complete or exchange.cut:
        must("a broken answer is charged", hold=record.outcome not in CHARGED)
    if record.outcome is Outcome.CLIENT_GONE:
        must("a client that stayed pays as if it had left", hold=exchange.gone)
    if record.outcome in CHARGED:
        _tokens(exchange, calls[-1], record)


def _tokens(exchange: Exchange, call: Call, record: RequestRecord) -> None:
    """The upstream's usage where it came, else at most what passed."""
    tokens = record.tokens
    if record.outcome is Outcome.COMPLETED and call.usage is not None:
        holds = (tokens, record.usage_source) == (call.usage, UsageSource.UPSTREAM)
    elif record.usage_source is UsageSource.UPSTREAM:
        holds = call.usage is not None
    else:
        counted = Tokens(tokens.prompt, tokens.prompt, tokens.completion, tokens.reasoning)
        room = len(exchange.body) // 8
        holds = tokens == counted and 0 < tokens.completion <= call.tokens and tokens.prompt <= room
        if record.outcome is Outcome.COMPLETED:
            holds = holds and tokens.completion == call.tokens
    if not holds:
        exchange.world.broken("charge", f"{record} for {call.tokens} tokens and {call.usage}", exchange.serial)
