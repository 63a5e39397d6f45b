from __future__ import annotations

import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import tokens
from accounts.tokens import ALPHABET, ENTROPY_BYTES, Token

entropies = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)
minted = entropies.map(tokens.mint)


@pytest.mark.parametrize(
    ("entropy", "secret"),
    [
        (bytes(32), "pylo_sk_000000000000000000000000000000001OMBox"),
        (bytes(range(32)), "pylo_sk_jlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2xerzO"),
        (b"\xff" * 32, "pylo_sk_1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp14R6XsS"),
    ],
    ids=["zeros", "counting", "ones"],
)
def test_the_format_is_these_exact_keys(entropy: bytes, secret: str) -> None:
    assert tokens.mint(entropy).secret == secret


def test_a_digest_is_this_exact_hmac() -> None:
    digest = tokens.digest(tokens.mint(bytes(32)), "pepper")
    assert digest.hex() == "25b30d02aa2519ba6bb623d65107d6a4fb00871c75c7d776fa1a7e687d860a39"


@given(minted)
def test_what_is_minted_parses_to_itself(token: Token) -> None:
    assert tokens.parse(token.secret) == token


@given(minted)
def test_a_key_has_46_characters_that_a_double_click_selects(token: Token) -> None:
    assert re.fullmatch(r"pylo_sk_[0-9A-Za-z]{38}", token.secret)
    assert len(token.secret) == 46


@given(minted, st.integers(0, 45), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_refused(token: Token, at: int, character: str) -> None:
    mistyped = token.secret[:at] + character + token.secret[at + 1 :]
    assert tokens.parse(mistyped) == (token if mistyped == token.secret else None)


@given(minted, st.integers(0, 44))
def test_two_neighbours_swapped_are_always_refused(token: Token, at: int) -> None:
    first, second = token.secret[at], token.secret[at + 1]
    swapped = token.secret[:at] + second + first + token.secret[at + 2 :]
    assert tokens.parse(swapped) == (token if first == second else None)


@given(st.text())
def test_text_that_is_no_key_is_none_and_never_an_error(text: str) -> None:
    assert tokens.parse(text) is None


@given(minted, st.sampled_from(["\n", " ", "\x00", "é", "０"]))
def test_a_character_more_is_refused(token: Token, more: str) -> None:
    assert tokens.parse(token.secret + more) is None
    assert tokens.parse(more + token.secret) is None


@given(minted)
def test_no_text_of_a_token_shows_its_secret(token: Token) -> None:
    for shown in (repr(token), str(token), f"{token}", f"{[token]}"):
        assert token.secret[12:-4] not in shown
        assert shown.count(token.last_four) >= 1


@given(minted, minted)
def test_digests_are_stable_and_tell_keys_and_peppers_apart(one: Token, other: Token) -> None:
    assert tokens.digest(one, "pepper") == tokens.digest(Token(one.secret), "pepper")
    assert len(tokens.digest(one, "pepper")) == 32
    assert tokens.digest(one, "pepper") != tokens.digest(one, "salt")
    assert (tokens.digest(one, "pepper") == tokens.digest(other, "pepper")) == (one == other)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_too_little_or_too_much_entropy_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes of entropy"):
        tokens.mint(bytes(size))


def test_the_checksum_is_the_crc_32_of_all_before_it() -> None:
    secret = tokens.mint(bytes(32)).secret
    value = 0
    for character in secret[-6:]:
        value = value * 62 + ALPHABET.index(character)
    assert value == zlib.crc32(secret[:-6].encode())
