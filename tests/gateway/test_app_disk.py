"""What a client is told, and what is charged, when the journal's disk is full or unsure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.usage import Outcome
from tests.fakes.clock import skipping

if TYPE_CHECKING:
    from tests.gateway.conftest import World


def test_a_full_disk_is_a_503_before_any_upstream_is_called(world: World) -> None:
    world.journal.full = True
    answer = skipping(world.chat())
    assert (answer.status, answer.error["code"]) == (503, "unavailable")
    assert (world.transport.calls, world.journal.admitted, world.journal.settled) == ([], [], [])


def test_an_admission_the_disk_does_not_confirm_is_recorded_as_it_is_told(world: World) -> None:
    world.journal.unsure = {"admit"}
    answer = skipping(world.chat())
    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (503, "unavailable", "5")
    record = world.record
    assert (record.status, record.error_code, record.outcome) == (503, "unavailable", Outcome.SHED)
    assert world.transport.calls == []


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_will_be_charged_is_handed_over_even_if_the_disk_cannot_confirm_it(
    world: World, *, stream: bool
) -> None:
    world.journal.unsure = {"settle"}
    answer = skipping(world.chat(stream=stream))
    assert (answer.status, b"Hel" in answer.body, answer.complete) == (200, True, True)
    assert b"error" not in answer.body
    assert world.record.outcome is Outcome.COMPLETED
