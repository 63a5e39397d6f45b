"""A request's receipt over real sockets: from the answer's id to a signature that anybody can verify."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.wire.asking import HAIKU, MODEL, named
from tests.wire.test_paths import call, is_enveloped, key

if TYPE_CHECKING:
    import httpx

    from tests.fakes.stack import Member, Stack

CHAT = "/v1/chat/completions"


def answered(stack: Stack, member: Member, **headers: str) -> httpx.Response:
    stack.upstream.heal()
    answer = call(stack, "POST", CHAT, json={"model": MODEL, "messages": HAIKU}, headers=key(member) | headers)
    assert answer.status_code == 200
    return answer


def told(stack: Stack, member: Member, name: str) -> Any:
    """Ask until the record is there; while it is young, a 404 says to come again."""

    def there() -> Any:
        answer = call(stack, "GET", f"/v1/requests/{name}", headers=key(member))
        if answer.status_code == 404:
            assert is_enveloped(answer)
            return None
        assert answer.status_code == 200
        return answer.json()

    return stack.eventually(there)


def test_the_receipt_of_an_answer_has_its_usage_and_verifies_by_the_published_key(stack: Stack, member: Member) -> None:
    answer = answered(stack, member)
    found = told(stack, member, answer.headers["x-pylo-request-id"])
    usage = answer.json()["usage"]
    receipt = found["receipt"]
    assert [receipt[name] for name in ("prompt_tokens", "completion_tokens")] == [
        usage["prompt_tokens"],
        usage["completion_tokens"],
    ]
    keys = call(stack, "GET", "/.well-known/pylo-receipt-keys.json").json()["keys"]
    (public,) = [one["public_key"] for one in keys if one["key_id"] == found["signing_key_id"]]
    signed = {"receipt": receipt, "request_id": found["request_id"]}
    text = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    Ed25519PublicKey.from_public_bytes(base64.b64decode(public)).verify(base64.b64decode(found["signature"]), text)


def test_a_young_id_that_is_not_there_yet_says_when_to_come_again(stack: Stack, member: Member) -> None:
    minted = call(stack, "GET", "/v1/models", headers=key(member)).headers["x-pylo-request-id"]
    answer = call(stack, "GET", f"/v1/requests/{minted}", headers=key(member))
    assert (answer.status_code, answer.headers["retry-after"], answer.headers["x-should-retry"]) == (404, "1", "true")
    assert (is_enveloped(answer), answer.json()["error"]["code"]) == (True, "request_not_found")


@pytest.mark.parametrize("slash", ["/", "%2F"])
def test_the_clients_own_id_finds_it_with_its_slash_plain_or_escaped(stack: Stack, member: Member, slash: str) -> None:
    mine = f"job/{named()}"
    answer = answered(stack, member, **{"X-Request-Id": mine})
    found = told(stack, member, mine.replace("/", slash))
    assert (found["id"], found["request_id"]) == (answer.headers["x-pylo-request-id"], mine)


def test_another_workspace_and_another_key_learn_nothing(stack: Stack, member: Member) -> None:
    answer = answered(stack, member)
    path = f"/v1/requests/{answer.headers['x-pylo-request-id']}"
    told(stack, member, answer.headers["x-pylo-request-id"])
    other = call(stack, "GET", path, headers=key(stack.member()))
    nobody = call(stack, "GET", path)
    assert (other.status_code, other.json()["error"]["code"]) == (404, "request_not_found")
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "invalid_api_key")


def test_a_revoked_key_and_a_suspended_workspace_are_refused_within_a_second(stack: Stack) -> None:
    revoked = stack.member()
    path = "/v1/requests/req_1"
    assert call(stack, "GET", path, headers=key(revoked)).status_code == 404
    stack.revoke(revoked)
    assert stack.eventually(lambda: call(stack, "GET", path, headers=key(revoked)).status_code == 401, within=2)
    suspended = stack.member()
    stack.sql("UPDATE accounts_workspace SET suspended_at = now() WHERE id = %s RETURNING id", suspended.workspace)
    assert call(stack, "GET", path, headers=key(suspended)).status_code == 401


def test_its_answers_have_the_headers_of_all_others_and_no_cookie(stack: Stack, member: Member) -> None:
    mine = named()
    headers = key(member) | {"X-Request-Id": mine, "Cookie": "sessionid=1", "Host": "evil.example"}
    answer = call(stack, "GET", "/v1/requests/req_1", headers=headers)
    models = call(stack, "GET", "/v1/models", headers=key(member))
    assert (answer.status_code, answer.headers["x-request-id"]) == (404, mine)
    assert models.headers.keys() - answer.headers.keys() == set()
    assert answer.headers.keys() - models.headers.keys() == {"x-should-retry"}
