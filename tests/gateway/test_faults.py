"""Every row of the fault matrix: what a client and the record see of it."""

from __future__ import annotations

import logging

import pytest

from gateway.deadlines import Deadlines
from gateway.faults import FaultKind, UpstreamFault, of_status
from gateway.usage import Outcome, Tokens, UsageSource
from tests.fakes.clock import skipping
from tests.fakes.upstream import COMMENT, DONE, ERROR, ROLE, Act, Step, Turn, content, event, finish, good
from tests.gateway.conftest import make_world

JSON = {"content-type": "application/json"}
COMMENTS: list[Step] = [step for _ in range(40) for step in (0.5, COMMENT)]

BEFORE_THE_FIRST_TOKEN = {
    "refuses the connection": (Turn(refuse=True), 0.0, 502),
    "503": (Turn(status=503, headers=JSON), 0.0, 502),
    "529": (Turn(status=529, headers=JSON), 0.0, 502),
    "401": (Turn(status=401, headers=JSON), 0.0, 502),
    "402": (Turn(status=402, headers=JSON), 0.0, 502),
    "403": (Turn(status=403, headers=JSON), 0.0, 502),
    "404": (Turn(status=404, headers=JSON), 0.0, 502),
    "redirect": (Turn(status=302, headers={"location": "https://elsewhere/"}), 0.0, 502),
    "our quota": (Turn([b'{"error":{"type":"exceeded_current_quota_error"}}'], status=429, headers=JSON), 0.0, 502),
    "429": (Turn(status=429, headers={**JSON, "retry-after": "7"}), 0.0, 429),
    "no headers": (Turn(before=[Act.HANG]), 8.0, 504),
    "headers, then silence": (Turn([Act.HANG]), 8.0, 504),
    "comments only": (Turn(COMMENTS), 8.0, 504),
    "an error event first": (Turn([ERROR, DONE]), 0.0, 502),
    "a role, then an error": (Turn([ROLE, ERROR]), 0.0, 502),
    "a flat error event": (Turn([b'data: {"object":"error","message":"CANARY"}\n\n']), 0.0, 502),
    "an error's name": (Turn([b'event: error\ndata: {"message":"CANARY"}\n\n']), 0.0, 502),
    "nothing at all": (Turn(), 0.0, 502),
    "only [DONE]": (Turn([DONE]), 0.0, 502),
    "only a role and a stop": (Turn([ROLE, finish("stop"), DONE]), 0.0, 502),
    "a cut after the headers": (Turn([ROLE, Act.CUT]), 0.0, 502),
    "JSON instead of a stream": (Turn([b"{}"], headers=JSON), 0.0, 502),
    "HTML": (Turn([b"<html>"], headers={"content-type": "text/html"}), 0.0, 502),
    "nonsense": (Turn([b"data: {nonsense\n\n"]), 0.0, 502),
    "an endless line": (Turn([b"x" * 2**21]), 0.0, 502),
    "an invented finish": (Turn([ROLE, event({}, finish_reason="abort"), DONE]), 0.0, 502),
}


@pytest.mark.parametrize("name", BEFORE_THE_FIRST_TOKEN)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.conformance(78, 79, 136, 137, 156)
def test_before_the_first_token_a_fault_moves_on_to_the_next_upstream(name: str, *, stream: bool) -> None:
    turn, at, _ = BEFORE_THE_FIRST_TOKEN[name]
    world = make_world(turn, good("fine"), upstreams=("first", "second"))
    answer = skipping(world.chat(stream=stream))
    assert answer.status == 200
    assert answer.body.count(b'"fine"') == 1
    assert b"CANARY" not in answer.body
    assert answer.body.count(b'"role"') == 1
    assert answer.times[0] == at
    assert [call.url for call in world.transport.calls] == [
        f"https://{upstream}/v1/chat/completions" for upstream in ("first", "second")
    ]
    assert world.transport.calls[0].closed or turn.refuse or turn.before
    assert (world.record.upstream, world.record.attempts, world.record.outcome) == ("second", 2, Outcome.COMPLETED)


@pytest.mark.parametrize("name", BEFORE_THE_FIRST_TOKEN)
def test_with_no_upstream_left_the_fault_is_told_with_a_status_and_is_free(name: str) -> None:
    turn, at, status = BEFORE_THE_FIRST_TOKEN[name]
    world = make_world(turn)
    answer = skipping(world.chat(stream=True))
    assert (answer.status, answer.times) == (status, [at])
    assert answer.headers["content-type"] == "application/json"
    assert b"CANARY" not in answer.body
    record = world.record
    assert (record.tokens, record.usage_source, record.status) == (Tokens(), UsageSource.NONE, status)
    assert record.outcome in {Outcome.UPSTREAM_ERROR, Outcome.UPSTREAM_TIMEOUT, Outcome.SHED}
    assert record.first_token_ms is None


def test_no_more_than_two_upstreams_are_tried() -> None:
    world = make_world(Turn(status=500, headers=JSON), upstreams=("first", "second", "third"))
    answer = skipping(world.chat())
    assert (answer.status, answer.headers["x-should-retry"]) == (502, "false")
    assert (len(world.transport.calls), world.record.attempts) == (2, 2)


def test_two_timeouts_take_eighteen_seconds_at_most() -> None:
    world = make_world(Turn([Act.HANG]), upstreams=("first", "second"))
    answer = skipping(world.chat(stream=True))
    assert answer.times == [15.0, 16.0]  # a keep-alive has gone out by then, so the error is in the stream
    assert answer.body.startswith(b": keep-alive\n\n")
    assert (answer.status, answer.events()[0]["error"]["code"]) == (200, "upstream_timeout")
    assert (world.record.outcome, world.record.status) == (Outcome.UPSTREAM_TIMEOUT, 200)


def test_after_a_keep_alive_failover_is_still_possible() -> None:
    world = make_world(Turn([Act.HANG]), good("late", gap=7.5), upstreams=("first", "second"))
    answer = skipping(world.chat(stream=True))
    assert answer.times == [15.0, 15.5, 15.5]
    assert answer.text() == "late"
    assert world.record.outcome is Outcome.COMPLETED


def test_throttling_tells_how_long_to_wait() -> None:
    world = make_world(Turn(status=429, headers={**JSON, "retry-after": "3"}))
    answer = skipping(world.chat())
    assert (answer.headers["retry-after"], answer.error["code"]) == ("3", "capacity_exhausted")
    assert answer.headers["x-should-retry"] == "true"


@pytest.mark.parametrize(
    ("status", "body", "code", "param"),
    [
        (400, b'{"error":{"message":"CANARY is invalid","type":"invalid_request_error"}}', "request_rejected", None),
        (422, b"<html>CANARY", "request_rejected", None),
        (400, b'{"error":{"type":"content_filter"}}', "content_filter", None),
        (400, b'{"error":{"message":"exceeded model token limit"}}', "context_length_exceeded", "messages"),
    ],
)
def test_a_request_the_upstream_blames_is_told_in_our_words(
    status: int, body: bytes, code: str, param: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    world = make_world(Turn([body], status=status, headers=JSON), upstreams=("first", "second"))
    with caplog.at_level(logging.DEBUG):
        answer = skipping(world.chat(stream=True))
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, code, param)
    assert "CANARY" not in answer.body.decode() + str([record.__dict__ for record in caplog.records])
    assert (world.record.outcome, len(world.transport.calls)) == (Outcome.UPSTREAM_REFUSED, 1)


FIVE: list[Step] = [content(letter) for letter in "abcde"]
AFTER_THE_FIRST_TOKEN: dict[str, tuple[list[Step], float, str, Outcome, int]] = {
    "a cut": ([*FIVE, Act.CUT], 0.0, "upstream_error", Outcome.UPSTREAM_CUT, 502),
    "a clean early end": (FIVE, 0.0, "upstream_truncated", Outcome.UPSTREAM_CUT, 502),
    "an early [DONE]": ([*FIVE, DONE], 0.0, "upstream_truncated", Outcome.UPSTREAM_CUT, 502),
    "an error event": ([*FIVE, ERROR, DONE], 0.0, "upstream_error", Outcome.UPSTREAM_CUT, 502),
    "an error in the same read": (
        [b"".join(content(letter) for letter in "abcde") + ERROR],
        0.0,
        "upstream_error",
        Outcome.UPSTREAM_CUT,
        502,
    ),
    "nonsense": ([*FIVE, b"data: {\n\n"], 0.0, "upstream_error", Outcome.UPSTREAM_CUT, 502),
    "a stall": ([*FIVE, Act.HANG], 30.0, "upstream_timeout", Outcome.STALLED, 504),
    "comments without tokens": ([*FIVE, *COMMENTS, *COMMENTS], 30.0, "upstream_timeout", Outcome.STALLED, 504),
}


@pytest.mark.parametrize("name", AFTER_THE_FIRST_TOKEN)
@pytest.mark.conformance(74, 75, 76, 77, 90)
def test_after_the_first_token_a_fault_is_told_in_the_stream(name: str) -> None:
    steps, at, code, outcome, _ = AFTER_THE_FIRST_TOKEN[name]
    world = make_world(Turn(steps), good("other"), upstreams=("first", "second"))
    answer = skipping(world.chat(stream=True, stream_options={"include_usage": True}))
    *_, last = answer.events()
    assert answer.text() == "abcde"
    assert (last["error"]["code"], last["choices"][0]["finish_reason"]) == (code, "error")
    assert set(last["error"]) == {"message", "type", "param", "code"}
    assert b"[DONE]" not in answer.body
    assert b'"stop"' not in answer.body
    assert b"prompt_tokens" not in answer.body
    assert (answer.times[-1], answer.complete) == (at, True)
    record = world.record
    assert (record.outcome, record.tokens.completion, record.usage_source) == (outcome, 5, UsageSource.COUNTED)
    assert (len(world.transport.calls), world.transport.calls[0].closed) == (1, True)


@pytest.mark.conformance(70, 74, 147)
@pytest.mark.parametrize("name", AFTER_THE_FIRST_TOKEN)
def test_a_client_that_does_not_stream_gets_a_status_for_it_or_after_a_keep_alive_a_cut(name: str) -> None:
    steps, at, code, outcome, status = AFTER_THE_FIRST_TOKEN[name]
    world = make_world(Turn(steps), good("other"), upstreams=("first", "second"))
    answer = skipping(world.chat())
    if at < Deadlines().keep_alive:
        assert (answer.status, answer.error["code"], answer.cut) == (status, code, False)
    else:
        assert (answer.status, answer.body.strip(), answer.complete, answer.cut) == (200, b"", False, True)
    assert (world.record.outcome, world.record.error_code) == (outcome, code)


@pytest.mark.conformance(88, 89)
def test_silence_is_bridged_by_comments_that_never_split_an_event() -> None:
    world = make_world(Turn([content("a"), 29.0, content("b"), 16.0, content("c"), finish(), DONE]))
    answer = skipping(world.chat(stream=True))
    assert answer.times == [0.0, 15.0, 29.0, 44.0, 45.0, 45.0]
    assert [chunk for chunk in answer.chunks if chunk.startswith(b":")] == [b": keep-alive\n\n"] * 2
    assert answer.text() == "abc"


@pytest.mark.parametrize(
    "end",
    [[], [Act.CUT], [Act.HANG]],
    ids=["no [DONE]", "a cut", "a stall"],
)
def test_what_breaks_after_the_finish_reason_breaks_nothing(end: list[Act]) -> None:
    world = make_world(Turn([content("a"), event({}, finish_reason="stop"), *end]))
    answer = skipping(world.chat(stream=True, stream_options={"include_usage": True}))
    assert answer.events()[-1] == "[DONE]"
    assert b"prompt_tokens" not in answer.body  # usage that never came is not invented
    record = world.record
    assert (record.outcome, record.usage_source) == (Outcome.COMPLETED, UsageSource.COUNTED)
    assert record.tokens.completion == 1


@pytest.mark.parametrize(("stream", "status"), [(True, 200), (False, 499)])
@pytest.mark.conformance(125, 148, 149)
def test_a_client_that_leaves_closes_the_upstream_and_pays_for_what_passed(*, stream: bool, status: int) -> None:
    world = make_world(good(*"abcdefgh", gap=1.0))
    skipping(world.chat(stream=stream, hang_up_after=3.05))
    assert world.upstream_call.closed_at == pytest.approx(3.05, abs=0.001)
    record = world.record
    assert (record.outcome, record.status, record.tokens.completion) == (Outcome.CLIENT_GONE, status, 3)
    assert world.admission.in_flight == 0


def test_a_client_that_leaves_with_the_last_event_closes_an_upstream_that_does_not_end() -> None:
    world = make_world(Turn([content("a") + finish() + DONE, Act.HANG]))
    skipping(world.chat(stream=True, hang_up_at=1))
    assert world.upstream_call.closed_at == 0.0


@pytest.mark.parametrize("turn", [Turn(before=[Act.HANG]), Turn([ROLE, Act.HANG]), Turn(COMMENTS)])
@pytest.mark.conformance(148, 149)
def test_a_client_that_leaves_before_the_first_token_pays_nothing(turn: Turn) -> None:
    world = make_world(turn)
    answer = skipping(world.chat(stream=True, hang_up_after=1.0))
    assert (answer.status, answer.chunks) == (0, [])
    assert (world.record.outcome, world.record.tokens) == (Outcome.CLIENT_GONE_EARLY, Tokens())
    assert world.record.duration_ms == 1000
    assert world.upstream_call.closed_at in {1.0, None}


def test_a_content_filter_may_end_an_answer_without_a_word() -> None:
    world = make_world(Turn([ROLE, event({}, finish_reason="content_filter"), DONE]))
    answer = skipping(world.chat())
    assert answer.json()["choices"][0]["finish_reason"] == "content_filter"
    assert world.record.outcome is Outcome.NO_TOKENS


def test_a_failed_attempt_is_logged_by_name_and_kind(caplog: pytest.LogCaptureFixture) -> None:
    world = make_world(Turn(status=401, headers=JSON), good("a"), upstreams=("first", "second"))
    with caplog.at_level(logging.WARNING, "pylo.upstream"):
        skipping(world.chat())
    (line,) = caplog.records
    assert line.levelno == logging.ERROR  # whoever answered instead: an operator has to act
    assert (line.__dict__["upstream"], line.__dict__["fault"]) == ("first", "account")
    assert line.__dict__["upstream_status"] == 401


@pytest.mark.conformance(4, 152, 155)
@pytest.mark.parametrize("status", [400, 401, 418, 429, 500, 529])
@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"CANARY","type":"x","param":null,"code":400}}',
        b'{"object":"error","message":"CANARY","code":400}',
        b'{"error":"CANARY"}',
        b'{"detail":"CANARY"}',
        b"<html>CANARY</html>",
        b'"CANARY"',
        b"\xff\x00CANARY",
        b"",
    ],
)
def test_whatever_an_upstream_says_an_error_is_ours_in_openais_envelope(status: int, body: bytes) -> None:
    answer = skipping(make_world(Turn([body], status=status, headers=JSON)).chat(stream=True))
    assert (answer.status, answer.headers["content-type"]) == (
        {400: 400, 429: 429}.get(status, 502),
        "application/json",
    )
    assert list(answer.error) == ["message", "type", "param", "code"]
    assert isinstance(answer.error["code"], str)
    assert not [word for word in ("CANARY", "first", "up-key") if word in answer.body.decode()]


@pytest.mark.conformance(136, 137)
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        *[(status, b"", FaultKind.ACCOUNT) for status in (401, 402, 403, 404)],
        (429, b'{"error":{"type":"exceeded_current_quota_error"}}', FaultKind.ACCOUNT),
        (429, b'{"error":{"type":"engine_overloaded_error"}}', FaultKind.THROTTLED),
        (429, b"", FaultKind.THROTTLED),
        (403, b'{"error":{"message":"longer than the maximum context length"}}', FaultKind.REFUSED),
        (302, b"", FaultKind.STATUS),
        (503, b"", FaultKind.STATUS),
    ],
)
def test_a_status_says_whose_fault_it_is(status: int, body: bytes, kind: FaultKind) -> None:
    assert of_status(status, b"", body, 0).kind is kind


def test_only_what_says_nothing_about_an_upstream_does_not_count_against_it() -> None:
    blameless = {kind for kind in FaultKind if not UpstreamFault(kind).blames_upstream}
    assert blameless == {FaultKind.REFUSED, FaultKind.RESET}


def test_only_a_refused_request_does_not_fail_over() -> None:
    assert {kind for kind in FaultKind if not UpstreamFault(kind).fails_over} == {FaultKind.REFUSED}
    assert of_status(413, b"", b"", 0).kind is FaultKind.REFUSED
    assert not of_status(400, b"", b"", 0).fails_over
    assert all(of_status(status, b"", b"", 0).fails_over for status in (401, 402, 403, 404, 408, 409, 429, 500, 503))
