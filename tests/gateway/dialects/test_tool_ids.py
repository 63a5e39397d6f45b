from __future__ import annotations

from gateway.dialects.tool_ids import CanonicalIds, OpenAIIds


def test_calls_are_counted_through_the_conversation_and_answers_follow_them() -> None:
    ids = CanonicalIds()
    assert ids.calls([("call_a", "f"), ("call_b", "g")]) == ["functions.f:0", "functions.g:1"]
    assert [ids.answer("call_b"), ids.answer("call_a")] == ["functions.g:1", "functions.f:0"]
    assert ids.calls([("call_c", "f")]) == ["functions.f:2"]


def test_ids_that_are_right_stay() -> None:
    ids = CanonicalIds()
    assert ids.calls([("functions.f:0", "f")]) == ["functions.f:0"]
    assert ids.answer("functions.f:0") == "functions.f:0"


def test_an_id_used_again_in_a_later_turn_means_the_later_call() -> None:
    ids = CanonicalIds()
    ids.calls([("call_0", "f")])
    ids.answer("call_0")
    ids.calls([("call_0", "f")])
    assert ids.answer("call_0") == "functions.f:1"


def test_one_id_for_two_calls_is_answered_in_their_order() -> None:
    ids = CanonicalIds()
    ids.calls([("x", "f"), ("x", "f")])
    assert [ids.answer("x") for _ in range(3)] == ["functions.f:0", "functions.f:1", "functions.f:1"]


def test_an_id_that_was_never_opened_stays_as_it_is() -> None:
    assert CanonicalIds().answer("unknown") == "unknown"


def test_openai_is_given_the_clients_ids_and_long_ones_short() -> None:
    ids = OpenAIIds()
    assert ids.calls([("a" * 40, "f")]) == ["a" * 40]
    assert ids.answer("a" * 41) == ids.calls([("a" * 41, "f")])[0]
    assert len(ids.answer("a" * 41)) == 29
    assert ids.answer("a" * 41) != ids.answer("b" * 41)
