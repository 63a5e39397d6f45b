from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.uids import ENTROPY_BYTES, chosen_id, identify, uuid7

MS = st.integers(0, 2**48 - 1)
ENTROPY = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)


@given(MS, ENTROPY)
def test_a_uid_is_a_version_7_uuid_that_tells_its_time(ms: int, entropy: bytes) -> None:
    uid = uuid7(ms, entropy)
    assert (uid.version, uid.variant, uid.int >> 80) == (7, "specified in RFC 4122", ms)


@given(MS, MS, ENTROPY, ENTROPY)
def test_uids_sort_by_time(one: int, other: int, entropy: bytes, other_entropy: bytes) -> None:
    if one < other:
        assert uuid7(one, entropy) < uuid7(other, other_entropy)


@pytest.mark.parametrize(("ms", "size"), [(-1, 10), (2**48, 10), (0, 9), (0, 11)])
def test_a_uid_of_impossible_parts_is_refused(ms: int, size: int) -> None:
    with pytest.raises(ValueError, match="48 bits"):
        uuid7(ms, bytes(size))


@pytest.mark.parametrize("value", [b"a", b"req-1", b"4bf9:2/x@y+z=._", b"x" * 128])
def test_a_harmless_request_id_is_the_clients_choice(value: bytes) -> None:
    assert chosen_id([value]) == value.decode()


@pytest.mark.parametrize(
    "values", [[b""], [b"-a"], [b"a b"], [b"a\r\nb"], [b"\xe9"], [b"x" * 129], [b"a\x00"], [b"a", b"a"], []]
)
def test_any_other_request_id_is_refused(values: list[bytes]) -> None:
    assert chosen_id(values) is None


def test_without_a_choice_the_request_id_is_our_own() -> None:
    uid = UUID(int=7)
    ids = identify(uid, [])
    assert (ids.request_id, ids.own_id, ids.refused) == (f"req_{uid}", f"req_{uid}", False)


def test_a_refused_choice_leaves_our_own_id_to_answer_under() -> None:
    uid = UUID(int=7)
    ids = identify(uid, [b"bad id"])
    assert (ids.request_id, ids.refused) == (f"req_{uid}", True)
