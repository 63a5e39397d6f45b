from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core.cache import cache
from django.db import OperationalError

from pylo_site.status.remembered import remembered

AGE = timedelta(seconds=15)


class Asked:
    """Counts how often it was asked, and answers so; or is away."""

    def __init__(self) -> None:
        self.times = 0
        self.given: list[int | None] = []
        self.away = False

    def __call__(self, now: datetime, before: int | None) -> int:  # noqa: ARG002 - what `ask` is given
        self.times += 1
        self.given.append(before)
        if self.away:
            raise OperationalError
        return self.times

    def look(self, age: timedelta = AGE) -> int | None:
        kept = remembered("test", age, self)
        return None if kept is None else kept.value


@pytest.fixture
def asked() -> Asked:
    cache.clear()
    return Asked()


def test_what_was_found_lately_is_shown_again(asked: Asked) -> None:
    assert [asked.look() for _ in range(3)] == [1, 1, 1]


def test_what_is_old_is_asked_again_with_the_old_finding(asked: Asked) -> None:
    assert [asked.look(timedelta(0)) for _ in range(3)] == [1, 2, 3]
    assert asked.given == [None, 1, 2]


def test_while_nobody_answers_the_old_finding_is_shown_and_nobody_is_asked_again_at_once(asked: Asked) -> None:
    asked.look()
    asked.away = True
    assert [asked.look(timedelta(0)) for _ in range(3)] == [1, 1, 1]
    assert asked.times == 2


def test_where_nothing_was_ever_found_there_is_nothing(asked: Asked) -> None:
    asked.away = True
    assert [asked.look(), asked.look()] == [None, None]
    assert asked.times == 1


def test_while_another_asks_nobody_waits(asked: Asked) -> None:
    cache.add("test.asking", 1, 10)
    assert asked.look() is None
    assert asked.times == 0
