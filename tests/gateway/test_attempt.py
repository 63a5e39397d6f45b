"""Two attempts at most, each on a lease and all in one deadline; where nothing can be leased, a shed at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing import Shed, ShedReason
from gateway.usage import Outcome, Tokens, Try
from tests.fakes.clock import skipping
from tests.fakes.upstream import COMMENT, DONE, ERROR, ROLE, Act, Step, Turn, content, finish, good
from tests.gateway.conftest import make_world

if TYPE_CHECKING:
    from tests.fakes.asgi import Answer

JSON = {"content-type": "application/json"}
COMMENTS: list[Step] = [step for _ in range(40) for step in (0.5, COMMENT)]
SILENCE = Turn([Act.HANG])
BUSY = Turn(status=429, headers=JSON)
BOTH = ("first", "second")
A_BIT = 1.0 / 3  # seconds: not on any deadline


def test_a_lease_is_told_of_the_first_token_and_given_back_when_the_stream_is_over() -> None:
    world = make_world(good("a", "b", gap=1.0))
    skipping(world.chat(stream=True))
    assert world.routing.notes == [("first", "first token", 1.0), ("first", "released", 2.0)]


def test_a_failed_upstream_is_told_on_and_given_back_before_the_next_is_asked() -> None:
    world = make_world(Turn(status=503, headers=JSON, before=[A_BIT]), good("a"), upstreams=BOTH)
    skipping(world.chat(stream=True))
    assert world.routing.notes == [
        ("first", "status", A_BIT),
        ("first", "released", A_BIT),
        ("second", "first token", A_BIT),
        ("second", "released", A_BIT),
    ]
    assert world.record.tries == (Try("first", "status", 503, 333), Try("second", "", 200, 0))


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        (Turn([content("a"), Act.CUT]), "cut"),
        (Turn([content("a"), Act.HANG]), "stalled"),
        (Turn([content("a"), DONE]), "truncated"),
        (Turn([content("a"), ERROR]), "error_event"),
        (Turn([content("a") + b"data: {\n\n"]), "malformed"),
    ],
)
def test_a_break_after_the_first_token_counts_against_its_upstream_and_moves_nowhere(turn: Turn, kind: str) -> None:
    world = make_world(turn, good("other"), upstreams=BOTH)
    skipping(world.chat(stream=True))
    assert [(name, what) for name, what, _ in world.routing.notes] == [
        *(("first", what) for what in ("first token", kind, "released"))
    ]
    assert world.record.tries == (Try("first", "", 200, 0),)


def test_what_is_lost_behind_a_finish_reason_does_not_count_against_its_upstream() -> None:
    world = make_world(Turn([content("a"), finish(), Act.CUT]))
    skipping(world.chat(stream=True))
    assert [what for _, what, _ in world.routing.notes] == ["first token", "released"]


@pytest.mark.parametrize("turn", [Turn(status=400, headers=JSON), Turn([b"x"], status=422, headers=JSON)])
def test_a_request_that_is_itself_at_fault_says_nothing_about_its_upstream(turn: Turn) -> None:
    world = make_world(turn, upstreams=BOTH)
    assert skipping(world.chat()).status == 400
    assert world.routing.notes == [("first", "released", 0.0)]
    assert world.record.tries == (Try("first", "refused", turn.status, 0),)


@pytest.mark.parametrize("turn", [SILENCE, Turn(before=[Act.HANG]), good("a", gap=2.0)])
def test_a_client_that_leaves_says_nothing_about_the_upstream(turn: Turn) -> None:
    world = make_world(turn, upstreams=BOTH)
    skipping(world.chat(hang_up_after=1.0))
    assert world.routing.notes == [("first", "released", 1.0)]
    assert world.record.tries == (Try("first", "abandoned", 0, 1000),)


def test_a_shutdown_says_nothing_about_the_upstream() -> None:
    world = make_world(good("a", "b", gap=5.0))

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(world.chat(stream=True))
            await asyncio.sleep(6)
            await world.drain.end(1)

    skipping(main())
    assert world.routing.notes == [("first", "first token", 5.0), ("first", "released", 7.0)]


# -- deadlines ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("turn", [Turn(COMMENTS), Turn([ROLE, *COMMENTS]), SILENCE, Turn(before=[Act.HANG])])
def test_only_a_token_holds_off_the_deadline_of_the_first_token(turn: Turn) -> None:
    world = make_world(turn, good("a"), upstreams=BOTH)
    answer = skipping(world.chat(stream=True))
    assert (answer.times[0], answer.text()) == (8.0, "a")
    assert world.routing.notes[0] == ("first", "timeout", 8.0)


@pytest.mark.parametrize(("at", "upstream"), [(7.95, "first"), (8.05, "second")])
def test_a_token_just_before_the_deadline_stays_and_one_just_after_it_is_never_seen(at: float, upstream: str) -> None:
    world = make_world(Turn([ROLE, at, content("one"), finish(), DONE]), good("two"), upstreams=BOTH)
    answer = skipping(world.chat(stream=True))
    assert answer.text() == {"first": "one", "second": "two"}[upstream]
    assert answer.body.count(b'"role"') == 1
    assert world.record.upstream == upstream


@given(st.floats(7.9, 8.1), st.integers(0, 3))
def test_around_the_deadline_every_answer_is_of_one_upstream_alone(at: float, roles: int) -> None:
    world = make_world(Turn([*[ROLE] * roles, at, content("one"), finish(), DONE]), good("two"), upstreams=BOTH)
    answer = skipping(world.chat(stream=True))
    record = world.record
    assert answer.text() == {"first": "one", "second": "two"}[record.upstream]
    assert (answer.body.count(b'"role"'), len(record.tries)) == (1, record.attempts)
    assert (record.upstream == "first") == (at < 8.0) or at == 8.0
    assert world.leased == {"first": 0, "second": 0}


def test_two_upstreams_that_hang_are_given_up_after_twice_the_deadline_with_a_504() -> None:
    world = make_world(SILENCE, upstreams=(*BOTH, "third"))
    answer = skipping(world.chat())
    assert (answer.status, answer.error["code"], answer.times) == (504, "upstream_timeout", [16.0])
    assert (answer.headers["x-should-retry"], answer.headers.get("retry-after")) == ("false", None)
    assert world.record.tries == (Try("first", "timeout", 200, 8000), Try("second", "timeout", 200, 8000))


def test_a_lease_may_have_less_patience_than_the_deadline() -> None:
    world = make_world(SILENCE, good("a"), upstreams=BOTH)
    world.routing.patience = 4.0
    answer = skipping(world.chat(stream=True))
    assert (answer.times[0], answer.text()) == (4.0, "a")


def test_a_lease_has_never_more_patience_than_the_deadline() -> None:
    world = make_world(SILENCE, good("a"), upstreams=BOTH)
    world.routing.patience = 40.0
    assert skipping(world.chat(stream=True)).times[0] == 8.0


@pytest.mark.parametrize(("tokens", "slow", "deadline"), [(100, 4.0, 8.0), (40_000, 5.5, 11.0)])
def test_a_long_prompt_is_given_more_time_and_is_slow_later(tokens: int, slow: float, deadline: float) -> None:
    world = make_world(SILENCE, good("a"), upstreams=BOTH, max_body_bytes=2**20)
    prompt = "word" * tokens
    answer = skipping(world.chat(stream=True, messages=[{"role": "user", "content": prompt}]))
    assert (answer.times[0], world.routing.slow_after) == (deadline, [slow, slow])


# -- sheds -------------------------------------------------------------------------------------------------------------
@pytest.mark.conformance(135, 136)
@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        (ShedReason.THROTTLED, 429, "capacity_exhausted"),
        (ShedReason.UNHEALTHY, 503, "server_is_overloaded"),
        (ShedReason.FULL, 503, "server_is_overloaded"),
    ],
)
def test_with_nothing_to_lease_a_request_is_shed_at_once_and_no_upstream_hears_of_it(
    reason: ShedReason, status: int, code: str
) -> None:
    world = make_world(upstreams=BOTH)
    world.routing.shut = Shed(reason, 11.2)
    answer = skipping(world.chat(stream=True))
    assert (answer.status, answer.error["code"], answer.times) == (status, code, [0.0])
    assert (answer.headers["retry-after"], answer.headers["retry-after-ms"]) == ("12", "12000")
    assert answer.headers["x-should-retry"] == "true"
    record = world.record
    assert (record.outcome, record.attempts, record.tries, record.tokens) == (Outcome.SHED, 0, (), Tokens())
    assert (world.transport.calls, world.admission.in_flight) == ([], 0)


@pytest.mark.conformance(135)
def test_while_every_place_is_taken_a_request_is_shed_instead_of_waiting() -> None:
    world = make_world(good("a", gap=5.0), places=1, most_in_flight=10)

    async def main() -> list[Answer]:
        return list(await asyncio.gather(*(world.chat() for _ in range(4))))

    answers = skipping(main())
    assert sorted((answer.status, answer.times[0]) for answer in answers) == [(200, 5.0), *[(503, 0.0)] * 3]
    assert len(world.transport.calls) == 1
    assert world.leased == {"first": 0}


def test_the_second_place_is_asked_for_only_when_the_first_has_failed() -> None:
    world = make_world(good("a"), upstreams=BOTH)
    skipping(world.chat())
    assert len(world.routing.slow_after) == 1


@pytest.mark.parametrize(
    ("turn", "status", "wait"), [(Turn(status=500, headers=JSON), 502, "5"), (SILENCE, 504, "5"), (BUSY, 429, "2")]
)
def test_where_only_one_could_be_asked_its_fault_is_told_and_when_to_come_again(
    turn: Turn, status: int, wait: str
) -> None:
    world = make_world(turn)
    answer = skipping(world.chat())
    assert (answer.status, answer.headers["retry-after"], answer.headers["x-should-retry"]) == (status, wait, "true")
    assert (world.record.attempts, world.leased) == (1, {"first": 0})


def test_the_log_says_what_was_tried_and_why_no_more_was(caplog: pytest.LogCaptureFixture) -> None:
    world = make_world(Turn(status=503, headers=JSON, before=[A_BIT]))
    with caplog.at_level("INFO", "pylo.access"):
        skipping(world.chat())
    (line,) = (record.__dict__ for record in caplog.records if record.name == "pylo.access")
    assert (line["tries"], line["attempts"], line["upstream"]) == ("first:status:503:333ms", 1, "first")
    assert line["shed"] == world.routing.shed(1.0).reason
