from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.idempotency import DAY_MS, KEPT_MS, Done, Identities, Identity, Running, chosen_key, pack, refusal, unpack
from gateway.retry_errors import AlreadyCompleted, IdempotencyMismatch, InProgress
from gateway.usage import Tokens

OURS, FIRST = UUID(int=1), UUID(int=2)
WORKSPACE, STRANGER, KEY, OTHER_KEY = UUID(int=3), UUID(int=4), UUID(int=5), UUID(int=6)
NOON = 20_000 * DAY_MS + DAY_MS // 2
IDENTITIES = Identities(b"a secret of thirty-two bytes or so")
COUNTS = st.integers(0, 2**62)
DIGESTS = st.binary(min_size=16, max_size=16)
TOKENS = st.builds(Tokens, COUNTS, COUNTS, COUNTS, COUNTS)


def loose(
    *,
    uid: UUID = OURS,
    workspace: UUID = WORKSPACE,
    name: str = "trace-1",
    body: bytes = b"{}",
    at: int = NOON,
) -> Identity:
    return IDENTITIES.loose(uid, workspace, name, body, at)


def strict(
    *, workspace: UUID = WORKSPACE, key_id: UUID = KEY, key: bytes = b"k", body: bytes = b"{}", at: int = NOON
) -> Identity:
    return IDENTITIES.strict(OURS, workspace, key_id, key, body, at)


def alike(one: Identity, other: Identity) -> bool:
    """Say whether the ledger would take them for one."""
    return bool(set(one.digests) & set(other.digests))


@pytest.mark.parametrize("value", [b"k", b"8e03978e-40d5-43e8-bc93-6894a57f9324", b'"a b"', b"x" * 255, b"~!"])
def test_a_key_is_taken_as_it_is(value: bytes) -> None:
    assert chosen_key([value]) == value


def test_no_header_is_no_key() -> None:
    assert chosen_key([]) is None


@pytest.mark.conformance(144)
@pytest.mark.parametrize(
    "values", [[b""], [b" "], [b"a\tb"], [b"x" * 256], ["schlüssel".encode()], [b"a\x00"], [b"a", b"a"], [b"a", b"b"]]
)
def test_nonsense_is_refused_without_a_word_of_it(values: list[bytes]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chosen_key(values)
    assert (caught.value.status, caught.value.code) == (400, "idempotency_key_invalid")
    assert "x" * 9 not in caught.value.message


@given(st.binary(max_size=200), st.text("ab/-", min_size=1, max_size=9), st.integers(0, 4 * DAY_MS), st.data())
def test_a_retry_within_24_hours_has_a_digest_in_common(body: bytes, name: str, at: int, data: st.DataObject) -> None:
    later = at + data.draw(st.integers(0, KEPT_MS - 1))
    first, retry = (loose(name=name, body=body, at=moment) for moment in (at, later))
    assert first.digests[0] in retry.digests
    assert first.names[0] in retry.names
    first, retry = (strict(key=name.encode(), body=body, at=moment) for moment in (at, later))
    assert first.digests[0] in retry.digests
    assert first.names == retry.names


def test_two_days_later_nothing_is_in_common() -> None:
    assert not alike(loose(), loose(at=NOON + 2 * DAY_MS))
    assert not alike(strict(), strict(at=NOON + 2 * DAY_MS))


@pytest.mark.parametrize("other", [loose(name="trace-2"), loose(body=b"{} "), loose(workspace=STRANGER), strict()])
def test_another_id_body_or_workspace_is_another_request(other: Identity) -> None:
    assert not alike(loose(), other)
    assert not set(loose().names) & set(other.names)


@pytest.mark.parametrize("other", [strict(key=b"k2"), strict(workspace=STRANGER), strict(key_id=OTHER_KEY)])
def test_a_strict_key_is_one_api_keys(other: Identity) -> None:
    assert not alike(strict(), other)
    assert strict().names != other.names


def test_a_strict_key_has_one_name_for_every_body() -> None:
    assert strict().names == strict(body=b"[]").names
    assert not alike(strict(), strict(body=b"[]"))


def test_no_digest_can_be_made_without_the_secret() -> None:
    other = Identities(b"another secret of thirty-two bytes").loose(OURS, WORKSPACE, "trace-1", b"{}", NOON)
    assert not alike(loose(), other)


@given(st.binary(max_size=64))
def test_nothing_that_is_kept_has_the_id_or_the_body_in_it(body: bytes) -> None:
    one = loose(name="a-long-and-telling-id", body=b"words of a prompt " + body)
    kept = b"".join([*one.digests, *(name.encode() for name in one.names)])
    assert b"telling" not in kept
    assert b"words" not in kept
    assert {len(digest) for digest in one.digests} == {16}


def known(kind: str, uid: UUID = FIRST, digest: bytes = b"") -> Running | Done:
    digest = digest or loose().digests[1]
    return Running(uid, digest) if kind == "running" else Done(uid, digest, Tokens(1234, 1000, 567), 2_601_900)


def test_nothing_known_lets_it_run() -> None:
    assert refusal(loose(), None, 0) is None


@pytest.mark.parametrize("kind", ["running", "done"])
def test_what_is_known_of_itself_lets_it_run(kind: str) -> None:
    assert refusal(loose(), known(kind, OURS), 0) is None


@pytest.mark.conformance(144)
@pytest.mark.parametrize(("chance", "wait"), [(0.0, 1), (0.19, 1), (0.2, 2), (0.999, 5)])
def test_in_flight_is_a_409_to_come_again_in_a_few_seconds(chance: float, wait: int) -> None:
    error = refusal(loose(), known("running"), chance)
    assert isinstance(error, InProgress)
    assert (error.status, error.code, error.should_retry) == (409, "idempotency_key_in_progress", True)
    assert error.retry_after == wait


def test_what_is_charged_is_a_409_with_what_it_cost() -> None:
    error = refusal(loose(), known("done"), 0)
    assert isinstance(error, AlreadyCompleted)
    assert (error.status, error.should_retry, error.retry_after) == (409, False, 0)
    body = json.loads(error.json())["error"]
    assert "1234 prompt and 567 completion tokens, 0.0026019 USD" in body.pop("message")
    usage = body["charged"].pop("usage")
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (1234, 567, 1801)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 1000}
    assert body == {
        "type": "idempotency_error",
        "param": None,
        "code": "request_already_completed",
        "charged": {"request_id": f"req_{FIRST}", "cost_usd": "0.0026019"},
    }


@pytest.mark.conformance(144)
@pytest.mark.parametrize("kind", ["running", "done"])
def test_a_strict_key_with_another_body_is_a_422(kind: str) -> None:
    error = refusal(strict(body=b"[]"), known(kind, digest=strict().digests[0]), 0)
    assert isinstance(error, IdempotencyMismatch)
    assert (error.status, error.code, error.should_retry) == (422, "idempotency_key_mismatch", False)


@given(st.one_of(st.builds(Running, st.uuids(), DIGESTS), st.builds(Done, st.uuids(), DIGESTS, TOKENS, COUNTS)))
def test_what_is_packed_is_unpacked(state: Running | Done) -> None:
    data = pack(state)
    assert unpack(data) == state
    assert (data[:1], data[1:17]) == (b"R" if isinstance(state, Running) else b"D", state.uid.bytes)


@given(st.binary(max_size=100))
def test_what_another_release_packed_is_unknown(data: bytes) -> None:
    assert unpack(b"X" + data) is None
    assert unpack(pack(known("done"))[:-1]) is None
