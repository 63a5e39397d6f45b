"""Words about a long run: which step, of how many, how long so far; a short one is silent."""

from __future__ import annotations

from billing.reconciliation.progress import Progress
from tests.fakes.clock import HandClock


def told(*, always: bool, seconds: float) -> list[str]:
    lines: list[str] = []
    clock = HandClock()
    progress = Progress(2, lines.append, clock.seconds, always=always)
    progress.begin("a sum is its parts")
    clock.advance(seconds)
    progress.tell("10 rows")
    progress.begin("roots hold")
    return lines


def test_a_short_run_is_silent() -> None:
    assert told(always=False, seconds=2.9) == []


def test_a_long_run_tells_from_the_third_second_on() -> None:
    assert told(always=False, seconds=3) == ["1 of 2, 3 s: a sum is its parts, 10 rows", "2 of 2, 3 s: roots hold"]


def test_on_a_terminal_each_step_is_told() -> None:
    assert told(always=True, seconds=0)[0] == "1 of 2, 0 s: a sum is its parts"
