from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from openai import APIStatusError, AuthenticationError, BadRequestError, NotFoundError, OpenAI

from accounts.tokens import ENTROPY_BYTES, mint
from tests.wire.asking import HAIKU, MODEL, named, retries

if TYPE_CHECKING:
    from tests.fakes.stack import Member, Stack

UNKNOWN = mint(secrets.token_bytes(ENTROPY_BYTES)).secret


def ask(client: OpenAI, **values: Any) -> object:
    return client.chat.completions.create(**({"model": MODEL, "messages": HAIKU} | values))


@pytest.mark.conformance(2, 24, 25)
@pytest.mark.parametrize("key", [UNKNOWN, "sk-proj-nonsense", UNKNOWN[:-1] + "!"])
def test_a_key_that_is_none_is_401_after_one_try_and_no_upstream_call(stack: Stack, key: str) -> None:
    before = stack.upstream.sums().calls
    with (
        OpenAI(base_url=stack.api_base, api_key=key, timeout=20) as client,
        pytest.raises(AuthenticationError) as error,
    ):
        ask(client)
    assert (error.value.code, error.value.type, error.value.param) == ("invalid_api_key", "invalid_request_error", None)
    assert retries(error.value) == 0
    assert error.value.request_id
    assert key not in error.value.message
    assert stack.upstream.sums().calls == before


@pytest.mark.conformance(10, 23)
def test_no_key_at_all_is_401_with_a_challenge(stack: Stack) -> None:
    answer = httpx.post(f"{stack.api_base}/chat/completions", json={}, trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.conformance(43, 44, 50, 52, 54, 61)
@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"n": 2}, "n"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
    ],
)
def test_a_bad_parameter_is_400_and_named(client: OpenAI, stack: Stack, values: dict[str, Any], param: str) -> None:
    before = stack.upstream.sums().calls
    with pytest.raises(BadRequestError) as error:
        ask(client, **values)
    assert error.value.param == param
    assert retries(error.value) == 0
    assert stack.upstream.sums().calls == before


@pytest.mark.conformance(42)
def test_an_unknown_model_is_404(client: OpenAI, stack: Stack) -> None:
    before = stack.upstream.sums().calls
    with pytest.raises(NotFoundError) as error:
        ask(client, model="gpt-9")
    assert (error.value.code, retries(error.value)) == ("model_not_found", 0)
    assert stack.upstream.sums().calls == before


@pytest.mark.conformance(53)
def test_a_limit_without_room_for_the_prompt_is_400_after_one_try(client: OpenAI, stack: Stack) -> None:
    before = stack.upstream.sums().calls
    with pytest.raises(BadRequestError) as error:
        ask(client, max_tokens=262_144)
    assert (error.value.code, error.value.param, retries(error.value)) == ("context_length_exceeded", "messages", 0)
    assert stack.upstream.sums().calls == before


@pytest.mark.conformance(14)
def test_a_body_over_the_limit_is_413(client: OpenAI, stack: Stack) -> None:
    before = stack.upstream.sums().calls
    with pytest.raises(APIStatusError) as error:
        ask(client, messages=[{"role": "user", "content": "x" * (5 * 2**20)}])
    assert (error.value.status_code, retries(error.value)) == (413, 0)
    assert stack.upstream.sums().calls == before


@pytest.mark.conformance(11)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"model": NaN}'])
def test_what_is_no_json_object_is_400(stack: Stack, member: Member, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {member.key}", "Content-Type": "application/json"}
    answer = httpx.post(f"{stack.api_base}/chat/completions", content=body, headers=headers, trust_env=False)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.conformance(123)
def test_an_upstream_that_fails_is_an_error_that_costs_nothing(stack: Stack, member: Member) -> None:
    stack.upstream.heal()
    stack.upstream.fail({"status": 500})
    mine = named()
    client = OpenAI(base_url=stack.api_base, api_key=member.key, max_retries=0, timeout=20)
    with client, pytest.raises(APIStatusError) as error:
        ask(client, extra_headers={"X-Request-Id": mine})
    assert error.value.status_code in {502, 503}
    query = "SELECT status, outcome, cost_nanos FROM billing_requestrecord WHERE request_id = %s"
    rows = stack.eventually(lambda: stack.sql(query, mine))
    assert rows == [(error.value.status_code, "upstream_error", 0)]


@pytest.mark.conformance(27)
def test_a_revoked_key_is_refused_within_a_second(stack: Stack) -> None:
    leaver = stack.member()
    with OpenAI(base_url=stack.api_base, api_key=leaver.key, timeout=20) as client:
        ask(client)
        stack.revoke(leaver)
        stack.eventually(lambda: _refused(client), within=1)
        before = stack.upstream.sums().calls
        with pytest.raises(AuthenticationError):
            ask(client)
    assert stack.upstream.sums().calls == before


def _refused(client: OpenAI) -> bool:
    try:
        client.models.list()
    except AuthenticationError:
        return True
    return False
