from __future__ import annotations

import pytest

from gateway.nesting import deeper_than
from tests.gateway.requests import nested


@pytest.mark.parametrize(
    ("levels", "value", "deeper"),
    [
        (1, "text", False),
        (1, {}, False),
        (1, {"a": 1}, True),
        (2, {"a": [1, 2]}, True),
        (3, {"a": [1, 2]}, False),
        (100, nested(100), False),
        (100, nested(101), True),
        (100, nested(100_000), True),
    ],
)
def test_levels_are_counted_to_the_limit_and_no_further(levels: int, value: object, *, deeper: bool) -> None:
    assert deeper_than(levels, value) is deeper
