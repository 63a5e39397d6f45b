from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import UUID

from openai import OpenAI

from tests.wire.asking import COUNT, HAIKU, MODEL, WEATHER

if TYPE_CHECKING:
    from tests.fakes.stack import Member, Stack

DOLLAR = 1_000_000_000
LONG: Any = [{"role": "user", "content": "a rather long prompt " * 200}]
TOOL: Any = {"messages": [{"role": "user", "content": "How is the weather?"}], "tools": [WEATHER]}
ASKED: list[dict[str, Any]] = [
    {"messages": HAIKU},
    {"messages": HAIKU, "stream": True},
    {"messages": LONG, "stream": True},
    {"messages": LONG},
    {"messages": COUNT, "max_completion_tokens": 40},
    TOOL | {"stream": True},
    {"messages": [{"role": "user", "content": "Repeat: 路由表 🌍"}]},
] * 3
RECORDS = """
SELECT uid, prompt_tokens, cached_tokens, completion_tokens, cost_nanos, outcome, reasoning_tokens
FROM billing_requestrecord WHERE workspace_id = %s
"""


def ask(client: OpenAI, values: dict[str, Any]) -> None:
    answer = client.chat.completions.create(model=MODEL, **values)
    if values.get("stream"):
        list(answer)


def recorded(stack: Stack, customer: Member, count: int) -> list[tuple[Any, ...]]:
    def all_there() -> list[tuple[Any, ...]]:
        rows = stack.sql(RECORDS, customer.workspace)
        return rows if len(rows) >= count else []

    return stack.eventually(all_there)


def test_the_records_are_what_the_upstream_served_to_the_token_and_cost_that_to_the_nano_dollar(stack: Stack) -> None:
    customer = stack.member(credit=10)
    stack.upstream.heal()
    client = OpenAI(base_url=stack.api_base, api_key=customer.key, max_retries=0, timeout=20)
    with client, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda values: ask(client, values), ASKED))
    rows = recorded(stack, customer, len(ASKED))
    served = {UUID(call.uid.removeprefix("req_")): call for call in stack.upstream.calls() if call.uid}
    calls = [served[row[0]] for row in rows]
    assert len(rows) == len(ASKED)
    assert [row[1:4] for row in rows] == [(call.prompt_tokens, call.cached_tokens, call.tokens) for call in calls]
    assert {call.reason for call in calls} == {"finish"}
    assert {row[5] for row in rows} == {"completed"}
    assert [row[6] for row in rows] == [call.reasoning_tokens for call in calls]
    assert sum(row[6] for row in rows) > 0
    prompt, cached, completion, cost = (sum(row[column] for row in rows) for column in range(1, 5))
    assert cached > 0
    assert cost == (prompt - cached) * 900 + cached * 180 + completion * 3_900
    ((left,),) = stack.sql("SELECT nanos FROM billing_balance WHERE workspace_id = %s", customer.workspace)
    assert left == 10 * DOLLAR - cost
