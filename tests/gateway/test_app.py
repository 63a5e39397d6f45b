from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from gateway.usage import Outcome, Tokens, UsageSource
from tests.fakes.asgi import Caller
from tests.fakes.clock import skipping
from tests.fakes.upstream import DONE, Act, Turn, content, event, finish, good, reasoning
from tests.gateway.conftest import CHAT, KEY, MODEL, TOKEN, World, make_world

if TYPE_CHECKING:
    from gateway.asgi import Message
    from tests.fakes.asgi import Answer

PATH = "/v1/chat/completions"
BODY = json.dumps(CHAT).encode()


def call(world: World, *args: Any, **options: Any) -> Answer:
    return skipping(world.call(*args, **options))


def untouched(world: World) -> bool:
    return (world.transport.calls, world.journal.admitted, world.journal.settled) == ([], [], [])


def test_a_stream_is_the_canonical_one(world: World) -> None:
    answer = skipping(world.chat(stream=True, stream_options={"include_usage": True}))
    role, *deltas, end, usage, done = answer.events()
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [event["choices"][0]["delta"] for event in deltas] == [{"content": "Hel"}, {"content": "lo"}]
    assert (end["choices"][0]["delta"], end["choices"][0]["finish_reason"]) == ({}, "stop")
    assert usage["choices"] == []
    assert usage["usage"]["prompt_tokens_details"] == {"cached_tokens": 4}
    assert done == "[DONE]"
    assert {(event["id"], event["model"], event["object"]) for event in (role, *deltas, end, usage)} == {
        (role["id"], MODEL, "chat.completion.chunk")
    }
    assert answer.complete
    assert answer.body.endswith(DONE)


@pytest.mark.conformance(71)
def test_a_stream_has_the_headers_that_keep_it_flowing(world: World) -> None:
    answer = skipping(world.chat(stream=True))
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "content-length" not in answer.headers


@pytest.mark.conformance(84)
def test_without_include_usage_no_chunk_has_usage(world: World) -> None:
    answer = skipping(world.chat(stream=True))
    assert [event["usage"] for event in answer.events()[:-1]] == [None] * 4
    assert world.record.tokens == Tokens(prompt=10, cached=4, completion=3)


def test_a_client_that_does_not_stream_is_served_from_a_stream(world: World) -> None:
    answer = skipping(world.chat())
    assert world.upstream_call.json["stream"] is True
    body = answer.json()
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert (body["object"], body["model"], body["usage"]["total_tokens"]) == ("chat.completion", MODEL, 13)
    assert body["id"].startswith("chatcmpl-")
    assert answer.headers["content-length"] == str(len(answer.body))


def test_the_record_is_settled_before_the_last_event(world: World) -> None:
    skipping(world.chat(stream=True))
    record = world.record
    assert (record.outcome, record.status, record.usage_source) == (Outcome.COMPLETED, 200, UsageSource.UPSTREAM)
    assert (record.key_id, record.stream, record.model, record.attempts) == (KEY, True, MODEL, 1)
    assert world.journal.firsts == [record.uid]
    assert world.admission.in_flight == 0


def test_each_token_goes_out_when_it_comes() -> None:
    answer = skipping(make_world(good("a", "b", "c", gap=1.0)).chat(stream=True))
    assert answer.times == [1.0, 2.0, 3.0, 3.0]


def test_tokens_of_one_read_go_out_as_one_message() -> None:
    answer = skipping(make_world(Turn([content("a") + content("b") + content("c"), finish(), DONE])).chat(stream=True))
    assert len(answer.chunks) == 2
    assert answer.text() == "abc"


def test_reasoning_is_relayed_under_one_name() -> None:
    world = make_world(Turn([reasoning("hm"), content("a"), finish(), DONE]))
    assert skipping(world.chat()).json()["choices"][0]["message"]["reasoning_content"] == "hm"


def test_the_clients_request_id_is_echoed_and_sent_up(world: World) -> None:
    answer = call(world, "POST", PATH, BODY, headers=[("X-Request-Id", "trace/1")])
    assert answer.headers["x-request-id"] == "trace/1"
    assert world.upstream_call.headers["x-request-id"] == "trace/1"
    assert world.upstream_call.headers["x-pylo-request-id"] == answer.headers["x-pylo-request-id"]
    assert world.record.request_id == "trace/1"


@pytest.mark.conformance(18)
def test_no_header_of_the_client_goes_up(world: World) -> None:
    call(world, "POST", PATH, BODY, headers=[("Cookie", "c=1"), ("OpenAI-Project", "p"), ("X-Stainless-Lang", "py")])
    assert set(world.upstream_call.headers) == {
        *("host", "authorization", "content-type", "accept", "accept-encoding"),
        *("x-request-id", "x-pylo-request-id", "content-length"),
    }
    assert world.upstream_call.headers["authorization"] == "Bearer up-key"


@pytest.mark.conformance(3)
@pytest.mark.parametrize("headers", [[("X-Request-Id", "a b")], [("X-Request-Id", "a"), ("X-Request-Id", "b")]])
def test_a_bad_request_id_is_refused_under_our_own(world: World, headers: list[tuple[str, str]]) -> None:
    answer = call(world, "POST", PATH, BODY, headers=headers)
    assert (answer.status, answer.error["code"]) == (400, "invalid_request_id")
    assert answer.headers["x-request-id"].startswith("req_")
    assert untouched(world)


@pytest.mark.conformance(10, 23, 24, 25)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic eDp5", "Bearer " + "x" * 10_000, "Bearer \xe9"],
)
@pytest.mark.parametrize(("method", "path"), [("POST", PATH), ("GET", "/v1/models"), ("GET", "/v1/models/x")])
def test_every_bad_key_has_the_same_401(world: World, authorization: str | None, method: str, path: str) -> None:
    headers = [] if authorization is None else [("Authorization", authorization)]
    answer = skipping(Caller(world.gateway)(method, path, b"{not json", headers=headers))
    assert (answer.status, answer.error["code"], answer.error["param"]) == (401, "invalid_api_key", None)
    assert answer.headers["www-authenticate"] == 'Bearer realm="pylo"'
    assert answer.headers["x-request-id"].startswith("req_")
    assert untouched(world)


@pytest.mark.conformance(24, 30)
def test_a_revoked_key_is_no_different(world: World) -> None:
    before = skipping(Caller(world.gateway)("GET", "/v1/models", headers=[("Authorization", "Bearer pylo_sk_no")]))
    world.keys.revoke(KEY)
    after = call(world, "GET", "/v1/models")
    assert (after.status, after.body) == (401, before.body)


@pytest.mark.conformance(26)
def test_the_scheme_is_read_whatever_its_case(world: World) -> None:
    caller = Caller(world.gateway, [("Authorization", f"bEARER {TOKEN.secret}")])
    assert skipping(caller("GET", "/v1/models")).status == 200


@pytest.mark.conformance(29)
@pytest.mark.parametrize("headers", [[("api-key", TOKEN.secret)], [("x-api-key", TOKEN.secret)], []])
def test_a_key_elsewhere_than_in_authorization_is_none(world: World, headers: list[tuple[str, str]]) -> None:
    body = json.dumps({**CHAT, "api_key": TOKEN.secret}).encode()
    assert skipping(Caller(world.gateway)("POST", PATH, body, headers=headers)).status == 401
    assert untouched(world)


@pytest.mark.conformance(24)
def test_two_keys_are_none(world: World) -> None:
    assert call(world, "GET", "/v1/models", headers=[("Authorization", f"Bearer {TOKEN.secret}")]).status == 401


@pytest.mark.conformance(10)
async def test_without_a_key_the_body_is_not_read(world: World) -> None:
    sent: list[Message] = []

    async def never() -> Message:
        raise AssertionError("the body was asked for")

    async def send(message: Message) -> None:
        sent.append(message)

    await world.gateway(Caller(world.gateway).scope("POST", PATH, [("Content-Length", "5000")]), never, send)
    assert sent[0]["status"] == 401


def test_a_key_store_that_is_away_is_a_503(world: World) -> None:
    world.keys.away = True
    answer = call(world, "POST", PATH, BODY)
    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (503, "unavailable", "5")
    assert untouched(world)


@pytest.mark.conformance(128)
def test_a_workspace_without_money_is_a_402() -> None:
    world = make_world(spendable=0)
    answer = call(world, "POST", PATH, BODY)
    assert (answer.status, answer.error["type"], answer.error["code"]) == (402,) + ("insufficient_quota",) * 2
    assert answer.headers["x-should-retry"] == "false"
    assert untouched(world)


@pytest.mark.conformance(135)
def test_more_than_fits_is_shed_at_once() -> None:
    world = make_world(good("a", gap=1.0))

    async def main() -> list[Answer]:
        return list(await asyncio.gather(*(world.chat() for _ in range(3))))

    answers = skipping(main())
    assert sorted(answer.status for answer in answers) == [200, 200, 503]
    shed = next(answer for answer in answers if answer.status == 503)
    assert (shed.error["code"], shed.times) == ("server_is_overloaded", [0.0])
    assert len(world.transport.calls) == 2
    assert world.admission.in_flight == 0


@pytest.mark.conformance(42, 61)
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b'{"model": "gpt-4", "messages": [{"role": "user", "content": "x"}]}', 404, "model_not_found"),
        (b"x" * 5000, 413, "request_too_large"),
        ([b"x" * 3000, b"x" * 3000], 413, "request_too_large"),
        (b'{"model": "m"}', 400, "missing_required_parameter"),
    ],
)
def test_a_bad_body_costs_nothing(world: World, body: bytes | list[bytes], status: int, code: str) -> None:
    answer = call(world, "POST", PATH, body)
    assert (answer.status, answer.error["code"]) == (status, code)
    assert untouched(world)


@pytest.mark.conformance(14)
def test_a_body_that_declares_too_much_is_not_read(world: World) -> None:
    answer = call(world, "POST", PATH, b"", headers=[("Content-Length", "5000")])
    assert answer.status == 413


@pytest.mark.conformance(15)
@pytest.mark.parametrize(
    "header", [("Content-Type", "text/plain"), ("Content-Encoding", "gzip"), ("Content-Type", "multipart/form-data")]
)
def test_another_kind_of_body_is_refused(world: World, header: tuple[str, str]) -> None:
    assert call(world, "POST", PATH, BODY, headers=[header]).status == 415


@pytest.mark.conformance(15)
def test_a_body_without_a_type_is_taken_for_json(world: World) -> None:
    assert call(world, "POST", PATH, BODY).status == 200


@pytest.mark.conformance(17)
def test_what_a_client_accepts_does_not_change_the_kind_of_answer(world: World) -> None:
    body = json.dumps({**CHAT, "stream": True}).encode()
    answer = call(world, "POST", PATH, body, headers=[("Accept", "application/json")])
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"


@pytest.mark.conformance(15, 16)
def test_a_charset_and_a_chunked_body_are_fine(world: World) -> None:
    headers = [("Content-Type", "application/json; charset=utf-8"), ("Accept", "application/json")]
    assert call(world, "POST", PATH, [BODY[:9], BODY[9:]], headers=headers).status == 200


@pytest.mark.conformance(31, 33, 35)
def test_models_are_listed_with_plain_prices(world: World) -> None:
    answer = call(world, "GET", "/v1/models")
    (model,) = answer.json()["data"]
    assert (model["id"], model["object"], model["context_length"]) == (MODEL, "model", 262_144)
    assert model["pricing"]["prompt"] == "0.0000009"
    assert model["pricing"]["completion"] == "0.0000039"
    assert model["pricing"]["input_cache_read"] == "0.00000018"
    assert call(world, "GET", f"/v1/models/{MODEL}").json() == model


@pytest.mark.conformance(19)
def test_head_has_the_headers_of_get_and_no_body(world: World) -> None:
    head, get = call(world, "HEAD", "/v1/models"), call(world, "GET", "/v1/models")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(get.body)))
    assert set(head.headers) == set(get.headers)


@pytest.mark.conformance(34)
def test_an_unknown_model_is_a_404(world: World) -> None:
    answer = call(world, "GET", "/v1/models/unknown")
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")


@pytest.mark.conformance(4, 5)
@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/v1/nope", 404), ("DELETE", PATH, 405)])
def test_wrong_urls_and_methods_need_no_key(world: World, method: str, path: str, status: int) -> None:
    answer = skipping(Caller(world.gateway)(method, path))
    assert answer.status == status
    assert set(answer.error) == {"message", "type", "param", "code"}
    assert "x-request-id" in answer.headers


def test_a_bug_is_a_500_that_quotes_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.transport.turns = []
    with caplog.at_level(logging.INFO):
        answer = skipping(world.chat(messages=[{"role": "user", "content": "CANARY"}]))
    assert (answer.status, answer.error["code"]) == (500, "internal_error")
    assert (world.record.outcome, world.record.status) == (Outcome.INTERRUPTED, 500)
    crash = next(record for record in caplog.records if record.name == "pylo.gateway")
    assert crash.__dict__["crash"] == "IndexError"
    assert "CANARY" not in str([record.__dict__ for record in caplog.records])


@pytest.mark.parametrize("path", ["/v1/nope", PATH, "/v1/models"])
async def test_a_client_that_does_not_wait_for_a_refusal_is_no_crash(world: World, path: str) -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise ConnectionError(message["type"])

    await world.gateway(Caller(world.gateway).scope("POST", path, []), receive, send)
    assert untouched(world)


def test_a_cancelled_server_settles_what_it_was_serving() -> None:
    world = make_world(Turn([content("a"), Act.HANG]))

    async def main() -> None:
        serving = asyncio.gather(world.chat(stream=True))
        await asyncio.sleep(1)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving

    skipping(main())
    assert world.record.outcome is Outcome.INTERRUPTED
    assert world.upstream_call.closed


def test_one_line_is_logged_with_numbers_and_no_words(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pylo.access"):
        skipping(world.chat(messages=[{"role": "user", "content": "CANARY"}]))
    (line,) = caplog.records
    assert (line.__dict__["route"], line.__dict__["status"], line.__dict__["outcome"]) == (PATH, 200, "completed")
    assert (line.__dict__["prompt_tokens"], line.__dict__["completion_tokens"]) == (10, 3)
    assert "CANARY" not in str(line.__dict__)


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_says_how_many_upstreams_were_asked_and_where_its_time_went(*, stream: bool) -> None:
    world = make_world(Turn(status=503, before=[0.25]), good("a", "b", gap=0.5), upstreams=("first", "second"))
    answer = skipping(world.chat(stream=stream))
    told = 'gateway;dur=0.0, upstream;dur=500.0;desc="2 attempts", failover;dur=250.0'
    assert answer.headers["server-timing"] == (told if stream else f"{told}, generation;dur=500.0")
    assert answer.headers["x-pylo-attempts"] == "2"
    assert answer.headers["openai-processing-ms"] == ("750" if stream else "1250")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/models"), ("GET", "/v1/nope"), ("POST", PATH)])
def test_an_answer_for_which_no_upstream_was_asked_is_the_gateways_time(world: World, method: str, path: str) -> None:
    answer = call(world, method, path)
    assert answer.headers["server-timing"] == "gateway;dur=0.0"
    assert "x-pylo-attempts" not in answer.headers


def test_tool_calls_come_out_whole_and_streamed() -> None:
    first = event({"tool_calls": [{"index": 0, "id": "f:0", "type": "function", "function": {"name": "f"}}]})
    rest = event({"tool_calls": [{"index": 0, "id": None, "function": {"name": None, "arguments": '{"a":1}'}}]})
    turn = Turn([first, rest, finish("tool_calls"), DONE])
    streamed = skipping(make_world(turn).chat(stream=True)).events()[1:3]
    assert [event["choices"][0]["delta"]["tool_calls"] for event in streamed] == [
        [{"index": 0, "function": {"arguments": "", "name": "f"}, "id": "f:0", "type": "function"}],
        [{"index": 0, "function": {"arguments": '{"a":1}'}}],
    ]
    message = skipping(make_world(turn).chat()).json()["choices"][0]["message"]
    assert message["tool_calls"] == [
        {"id": "f:0", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    ]
    assert message["content"] is None
