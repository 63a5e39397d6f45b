"""Merkle trees as RFC 6962 §2.1 hashes them: one root stands for a list, and a short path shows that a leaf is in it.

Pure. A leaf is SHA-256(0x00 ‖ data), a node SHA-256(0x01 ‖ left ‖ right), the root of no leaves SHA-256 of nothing.
A list of n is split at the largest power of two below n, so the lower levels can be kept as the roots of equal parts.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LEAF, NODE = b"\x00", b"\x01"


def leaf(data: bytes) -> bytes:
    return sha256(LEAF + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(NODE + left + right).digest()


def root(hashes: Iterable[bytes]) -> bytes:
    """Return the root over hashes of leaves, or over roots of parts; holds one hash a level, however many come."""
    stack: list[tuple[int, bytes]] = []  # (size, root) of complete trees, each smaller than the one before
    for one in hashes:
        size, top = 1, one
        while stack and stack[-1][0] == size:
            top = node(stack.pop()[1], top)
            size *= 2
        stack.append((size, top))
    if not stack:
        return sha256(b"").digest()
    top = stack.pop()[1]
    while stack:
        top = node(stack.pop()[1], top)
    return top


def path(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """Return the hashes beside the way from the leaf at `index` up to the root, the lowest first."""
    if not 0 <= index < len(hashes):
        raise IndexError(f"no leaf {index} among {len(hashes)}")
    if len(hashes) == 1:
        return []
    split = 1 << (len(hashes) - 1).bit_length() - 1
    left, right = hashes[:split], hashes[split:]
    if index < split:
        return [*path(index, left), root(right)]
    return [*path(index - split, right), root(left)]


def root_by(leaf_hash: bytes, index: int, size: int, beside: Sequence[bytes]) -> bytes | None:
    """Return the root that a path leads to, as RFC 9162 §2.1.3.2 walks it; None where it has not the path's length."""
    if not 0 <= index < size:
        return None
    place, last, top = index, size - 1, leaf_hash
    for other in beside:
        if last == 0:
            return None
        if place % 2 or place == last:
            top = node(other, top)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            top = node(top, other)
        place, last = place >> 1, last >> 1
    return top if last == 0 else None
