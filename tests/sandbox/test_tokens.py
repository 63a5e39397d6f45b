from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.tokens import count, pieces


@given(st.text())
def test_the_pieces_of_a_text_joined_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


@given(st.text())
def test_a_text_counts_as_many_tokens_as_it_has_pieces(text: str) -> None:
    assert count(text) == len(list(pieces(text)))


def test_a_sentence_falls_into_words_with_the_space_before_them() -> None:
    assert list(pieces("Packets seek their way;\neach")) == ["Packets", " seek", " their", " way", ";", "\n", "each"]


def test_long_words_and_other_scripts_fall_into_shorter_pieces() -> None:
    assert list(pieces("internationalization 路由表 🌍")) == ["internat", "ionaliza", "tion", " 路由", "表", " ", "🌍"]
