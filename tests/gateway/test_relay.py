"""What bounds an answer after its first token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.answer import MOST_BYTES
from gateway.deadlines import Deadlines
from gateway.outlets import Streamed, Whole
from gateway.usage import Outcome, Tokens, UsageSource
from tests.fakes.asgi import Caller
from tests.fakes.clock import skipping
from tests.fakes.upstream import COMMENT, DONE, Act, Step, Turn, content, event, finish, good
from tests.gateway.conftest import CHAT, TOKEN, make_world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.deltas import Delta

COMMENTS: list[Step] = [step for _ in range(80) for step in (0.5, COMMENT)]


@pytest.mark.conformance(150)
@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_never_ends_is_ended_at_its_deadline_and_free(*, stream: bool) -> None:
    world = make_world(good(*["word"] * 200, gap=1.0), deadlines=Deadlines(total=100.0))
    answer = skipping(world.chat(stream=stream))
    assert (answer.times[-1] if stream else 101.0) == pytest.approx(101.0, abs=0.01)
    assert (answer.cut, answer.complete) == (not stream, stream)
    assert b"[DONE]" not in answer.body
    record = world.record
    assert (record.outcome, record.error_code, record.duration_ms) == (Outcome.STALLED, "upstream_timeout", 101_000)
    assert world.upstream_call.closed_at == pytest.approx(101.0, abs=0.01)


@pytest.mark.conformance(150)
def test_a_token_puts_the_idle_deadline_off_and_a_comment_does_not() -> None:
    world = make_world(Turn([content("a"), 29.0, content("b"), *COMMENTS]))
    answer = skipping(world.chat(stream=True))
    assert (answer.times[-1], answer.events()[-1]["error"]["code"]) == (59.0, "upstream_timeout")


@pytest.mark.conformance(150)
def test_usage_may_come_so_long_after_the_finish_reason_and_no_longer() -> None:
    world = make_world(Turn([content("a"), 20.0, content("b"), 2.0, event({}, finish_reason="stop"), Act.HANG]))
    answer = skipping(world.chat(stream=True))
    assert (answer.times[-1], answer.events()[-1]) == (27.0, "[DONE]")
    assert world.record.outcome is Outcome.COMPLETED


@pytest.mark.conformance(156)
def test_an_answer_of_more_bytes_than_the_model_can_say_is_broken_off() -> None:
    noise = b":" + b"x" * (2**20 - 3) + b"\n\n"
    turn = Turn([content("a"), *[noise] * (MOST_BYTES // len(noise) + 1), content("b"), finish(), DONE])
    world = make_world(turn)
    answer = skipping(world.chat(stream=True))
    assert (answer.text(), answer.events()[-1]["error"]["code"]) == ("a", "upstream_error")
    assert world.upstream_call.closed


@pytest.mark.conformance(93)
def test_a_client_that_reads_slowly_is_no_stall_of_the_upstream() -> None:
    world = make_world(Turn([content("a"), content("b"), 1.0, content("c"), finish(), DONE]))
    slowly = Caller(world.gateway, [("Authorization", f"Bearer {TOKEN.secret}")], reads_after=40.0)
    answer = skipping(slowly("POST", "/v1/chat/completions", json.dumps(CHAT | {"stream": True}).encode()))
    assert answer.text() == "abc"
    assert world.record.outcome is Outcome.COMPLETED


@pytest.mark.parametrize("stream", [True, False])
def test_rule_11_what_a_client_is_given_was_noted_in_the_journal_before(
    monkeypatch: pytest.MonkeyPatch, *, stream: bool
) -> None:
    world = make_world(Turn([content("a"), 1.0, content("b"), content("c"), finish(), DONE]))
    kind = Streamed if stream else Whole
    given, forward = [0], kind.deltas

    async def deltas(outlet: Streamed | Whole, deltas: Sequence[Delta]) -> None:
        given[0] += sum(delta.is_token for delta in deltas)
        ((tokens, source),) = world.journal.noted.values()
        assert (tokens.completion, source) == (given[0], UsageSource.COUNTED)
        await forward(outlet, deltas)  # type: ignore[arg-type]

    monkeypatch.setattr(kind, "deltas", deltas)
    assert skipping(world.chat(stream=stream)).complete
    assert given == [3]


def test_each_upstream_that_is_asked_is_in_the_journal() -> None:
    world = make_world(Turn(refuse=True), good("a"), upstreams=("first", "second"))
    assert skipping(world.chat()).complete
    assert [(name, number) for _, name, number in world.journal.attempts] == [("first", 1), ("second", 2)]


@pytest.mark.parametrize("asked", [{}, {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}])
def test_rule_4_an_answer_costs_the_same_streamed_or_whole_with_usage_asked_for_or_not(asked: dict[str, Any]) -> None:
    world = make_world(good("Hel", "lo"))
    assert skipping(world.chat(**asked)).complete
    assert (world.record.tokens, world.record.usage_source) == (Tokens(10, 4, 3, 0), UsageSource.UPSTREAM)
