from __future__ import annotations

import pytest

from gateway.deadlines import Deadlines


@pytest.mark.parametrize(
    ("body_bytes", "seconds"),
    [(0, 8), (4 * 16_384, 8), (4 * 16_385, 9), (4 * (16_384 + 8192), 9), (4 * 262_144, 38)],
)
def test_a_long_prompt_has_a_second_more_for_each_8k_tokens(body_bytes: int, seconds: float) -> None:
    assert Deadlines().for_first_token(body_bytes) == seconds
    assert Deadlines().for_all_attempts(body_bytes) == 2 * seconds + 2


def test_zero_makes_the_deadline_flat() -> None:
    assert Deadlines(per_8k=0).for_first_token(4 * 262_144) == 8
