from __future__ import annotations

import pytest

from bench.profiling import hottest

STACKS = """\
main (a.py:1);run (b.py:10);send (c.py:7) 6
main (a.py:1);run (b.py:11);send (c.py:9) 2
main (a.py:1);run (b.py:12) 2
"""


def test_a_functions_own_samples_count_whichever_of_its_lines_ran() -> None:
    found = {hot.function: hot.share for hot in hottest(STACKS)}
    assert found == pytest.approx({"send (c.py)": 0.8, "run (b.py)": 0.2})


def test_only_the_busiest_are_told() -> None:
    assert [hot.function for hot in hottest(STACKS, most=1)] == ["send (c.py)"]


@pytest.mark.parametrize("text", ["", "\n", "no count here\n"])
def test_nothing_sampled_is_nothing_told(text: str) -> None:
    assert hottest(text) == []
