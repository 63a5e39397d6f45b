"""Trees of hashes, against RFC 6962's own definition written as it stands there."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import merkle

if TYPE_CHECKING:
    from collections.abc import Sequence

HASHES = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)
RFC_LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]


def defined(hashes: Sequence[bytes]) -> bytes:
    """MTH of §2.1, by recursion."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else sha256().digest()
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return sha256(b"\x01" + defined(hashes[:split]) + defined(hashes[split:])).digest()


@pytest.mark.parametrize(
    ("size", "root"),
    [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    ],
)
def test_the_roots_are_those_of_certificate_transparencys_test_vectors(size: int, root: str) -> None:
    assert merkle.root(map(merkle.leaf, RFC_LEAVES[:size])).hex() == root


@given(HASHES)
def test_the_streamed_root_is_the_defined_one(hashes: list[bytes]) -> None:
    assert merkle.root(iter(hashes)) == defined(hashes)


@given(HASHES, st.integers(0, 3))
def test_equal_parts_of_a_power_of_two_may_stand_for_their_leaves(hashes: list[bytes], height: int) -> None:
    size = 2**height
    parts = [merkle.root(hashes[start : start + size]) for start in range(0, len(hashes), size)]
    assert merkle.root(parts) == merkle.root(hashes)


@given(HASHES, st.data())
def test_a_path_leads_from_its_leaf_to_the_root(hashes: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(hashes) - 1))
    path = merkle.path(index, hashes)
    assert len(path) <= (len(hashes) - 1).bit_length()
    assert merkle.root_by(hashes[index], index, len(hashes), path) == defined(hashes)


@given(HASHES, st.data())
def test_no_path_proves_another_leaf_place_or_length(hashes: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(hashes) - 1))
    path, root = merkle.path(index, hashes), defined(hashes)
    other = bytes([hashes[index][0] ^ 1]) + hashes[index][1:]
    assert merkle.root_by(other, index, len(hashes), path) != root
    assert merkle.root_by(hashes[index], index, len(hashes), [*path, root]) is None
    assert path == [] or merkle.root_by(hashes[index], index, len(hashes), path[:-1]) != root
    assert merkle.root_by(hashes[index], len(hashes), len(hashes), path) is None


def test_there_is_no_path_to_a_leaf_that_is_not_there() -> None:
    with pytest.raises(IndexError, match="no leaf 3 among 3"):
        merkle.path(3, [b"a" * 32] * 3)
