"""An answer in one piece, whichever dialect the upstream speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.wire.asking import HAIKU, MODEL, WEATHER, chunks, named, post
from tests.wire.schemas import CHUNK, WHOLE

if TYPE_CHECKING:
    from tests.fakes.stack import Member, Stack

CALLING: dict[str, Any] = {"messages": [{"role": "user", "content": "How is the weather?"}], "tools": [WEATHER]}
UNICODE: dict[str, Any] = {"messages": [{"role": "user", "content": 'Repeat: 路由表 🌍 é\u0301 \u2028 \\ " \t|'}]}
CUT: dict[str, Any] = {"messages": HAIKU, "max_completion_tokens": 5}
ASKED = pytest.mark.parametrize("asked", [{}, CALLING, UNICODE, CUT], ids=["haiku", "tool", "unicode", "cut"])


@pytest.mark.conformance(62, 63, 64, 65, 112, 119, 151)
@ASKED
def test_it_is_what_openais_schema_asks_for_and_nothing_else(base: str, member: Member, asked: dict[str, Any]) -> None:
    answer = post(base, member.key, **asked)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    body = answer.json()
    jsonschema.validate(body, WHOLE)
    usage = body["usage"]
    assert body["model"] == MODEL
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] <= usage["prompt_tokens"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] <= usage["completion_tokens"]


@pytest.mark.conformance(63)
def test_no_two_answers_have_one_id(base: str, member: Member) -> None:
    assert len({post(base, member.key).json()["id"] for _ in range(3)}) == 3


@pytest.mark.conformance(66, 67)
def test_reasoning_has_one_name_and_is_not_in_the_content(aloud: str, member: Member) -> None:
    message = post(aloud, member.key).json()["choices"][0]["message"]
    assert set(message) == {"role", "content", "refusal", "reasoning_content"}
    assert message["reasoning_content"]
    assert "think>" not in message["content"]
    assert message["reasoning_content"] not in message["content"]


@pytest.mark.conformance(82, 151)
@ASKED
def test_a_stream_put_together_is_the_answer_in_one_piece(base: str, member: Member, asked: dict[str, Any]) -> None:
    whole = post(base, member.key, **asked).json()["choices"][0]
    pieces = [chunk["choices"][0] for chunk in chunks(post(base, member.key, stream=True, **asked).content)]
    deltas = [piece["delta"] for piece in pieces]
    for key in ("content", "reasoning_content"):
        assert "".join(delta.get(key) or "" for delta in deltas) == (whole["message"].get(key) or "")
    fragments = [fragment for delta in deltas for fragment in delta.get("tool_calls", ())]
    arguments = "".join(fragment["function"]["arguments"] for fragment in fragments)
    calls = whole["message"].get("tool_calls", [])
    assert arguments == "".join(call["function"]["arguments"] for call in calls)
    assert [fragment["function"]["name"] for fragment in fragments if "id" in fragment] == [
        call["function"]["name"] for call in calls
    ]
    assert pieces[-1]["finish_reason"] == whole["finish_reason"]


@pytest.mark.conformance(68)
def test_an_answer_whose_limit_reasoning_used_up_is_empty_and_paid(base: str, stack: Stack, member: Member) -> None:
    mine = named()
    (choice,) = post(base, member.key, named=mine, **CUT).json()["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("length", "")
    query = "SELECT outcome, completion_tokens, cost_nanos > 0 FROM billing_requestrecord WHERE request_id = %s"
    assert stack.eventually(lambda: stack.sql(query, mine)) == [("completed", 5, True)]


@pytest.mark.conformance(69)
@pytest.mark.parametrize("kind", ["html", "json", "empty", "garbage", "only_done"])
def test_a_200_that_is_no_answer_is_an_error_of_ours(base: str, stack: Stack, member: Member, kind: str) -> None:
    stack.upstream.fail({"kind": kind})
    answer = post(base, member.key)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_error")


@pytest.mark.conformance(4, 152, 155)
@pytest.mark.parametrize(("status", "ours"), [(400, 400), (429, 429), (500, 502)])
def test_an_error_is_ours_however_the_upstream_spells_its_own(
    base: str, stack: Stack, member: Member, status: int, ours: int
) -> None:
    stack.upstream.fail({"status": status, "type": "invalid_request_error", "message": "account org-123 CANARY"})
    answer = post(base, member.key)
    assert (answer.status_code, list(answer.json()["error"])) == (ours, ["message", "type", "param", "code"])
    assert isinstance(answer.json()["error"]["code"], str)
    assert not [word for word in ("org-123", "CANARY", "127.0.0.1") if word in answer.text]


@pytest.mark.conformance(62, 80, 94)
@ASKED
def test_each_chunk_is_what_openais_schema_asks_for_and_nothing_else(
    base: str, member: Member, asked: dict[str, Any]
) -> None:
    options = {"include_usage": True}
    for chunk in chunks(post(base, member.key, stream=True, stream_options=options, **asked).content):
        jsonschema.validate(chunk, CHUNK)
