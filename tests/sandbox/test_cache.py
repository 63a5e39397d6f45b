from __future__ import annotations

from itertools import repeat

from sandbox.cache import BLOCK, PrefixCache


def test_a_prompt_seen_for_the_first_time_has_nothing_cached() -> None:
    assert PrefixCache().cached(iter(["a"] * 1000)) == 0


def test_a_repeated_prompt_has_its_whole_blocks_cached() -> None:
    cache = PrefixCache()
    cache.cached(repeat("a", 3 * BLOCK + 5))
    assert cache.cached(repeat("a", 3 * BLOCK + 5)) == 3 * BLOCK


def test_only_the_common_beginning_counts() -> None:
    cache = PrefixCache()
    cache.cached(iter(["a"] * BLOCK + ["b"] * BLOCK + ["c"] * BLOCK))
    assert cache.cached(iter(["a"] * BLOCK + ["x"] * BLOCK + ["c"] * BLOCK)) == BLOCK


def test_a_prompt_shorter_than_a_block_is_never_cached() -> None:
    cache = PrefixCache()
    cache.cached(repeat("a", BLOCK - 1))
    assert cache.cached(repeat("a", BLOCK - 1)) == 0


def test_it_keeps_no_more_hashes_than_its_capacity() -> None:
    cache = PrefixCache(capacity=4)
    cache.cached(map(str, range(100 * BLOCK)))
    assert len(cache) == 4
