"""Postgres is away, slow or read-only: who is known is served on, who is not is told to wait, and nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.chaos.seen import ask, price
from tests.fakes.weather import Door, Weather
from tests.wire.asking import named

if TYPE_CHECKING:
    from tests.chaos.world import Server, World
    from tests.fakes.stack import Member

REQUESTS = 6
AWAY = {
    "refused": Weather(door=Door.REFUSED),
    "deaf": Weather(door=Door.DEAF),
    "mute": Weather(door=Door.MUTE),
    "slow by 5 s": Weather(latency=5),
}
IN_ORDER = "SELECT request_id FROM billing_requestrecord WHERE request_id = ANY(%s) ORDER BY uid"


@pytest.mark.fault(17, 18)
@pytest.mark.parametrize("how", AWAY)
def test_without_postgres_the_known_are_served_and_all_is_shipped_once_when_it_is_back(
    world: World, server: Server, payer: Member, strangers: list[Member], how: str
) -> None:
    assert ask(server, payer).status_code == 200
    stranger = strangers.pop()
    world.lines.postgres.set(AWAY[how])
    if how != "slow by 5 s":
        world.lines.postgres.reset()
    mine = [named() for _ in range(REQUESTS)]
    assert [ask(server, payer, name).status_code for name in mine] == [200] * REQUESTS
    refused = ask(server, stranger)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
    assert refused.headers["x-should-retry"] == "true"
    assert [world.records(name) for name in mine] == [[]] * REQUESTS
    world.calm()
    world.lines.postgres.reset()
    world.stack.eventually(lambda: all(world.records(name) for name in mine), within=30)
    records = [world.record(name) for name in mine]
    assert {(each.outcome, each.upstream, each.attempts) for each in records} == {("completed", "first", 1)}
    assert [each.cost for each in records] == [price(each) for each in records]
    assert [name for (name,) in world.stack.sql(IN_ORDER, mine)] == mine
    assert world.unpaid(payer) == 0
    assert world.stack.eventually(lambda: ask(server, stranger).status_code == 200)


@pytest.mark.fault(18)
def test_a_read_only_postgres_stops_the_ledger_and_no_request(world: World, server: Server, payer: Member) -> None:
    mine = [named() for _ in range(REQUESTS)]
    with world.read_only_postgres():
        world.lines.postgres.reset()
        assert [ask(server, payer, name).status_code for name in mine] == [200] * REQUESTS
        assert [world.records(name) for name in mine] == [[]] * REQUESTS
    world.lines.postgres.reset()
    world.stack.eventually(lambda: all(world.records(name) for name in mine), within=30)
    assert {world.record(name).outcome for name in mine} == {"completed"}
    assert world.unpaid(payer) == 0


@pytest.mark.fault(18)
def test_the_portal_says_honestly_that_it_cannot(world: World, payer: Member) -> None:
    server = world.server(PYLO_DEBUG="0")
    world.lines.postgres.set(AWAY["refused"])
    world.lines.postgres.reset()
    page = httpx.get(f"{server.base.removesuffix('/v1')}/accounts/login/", timeout=20, trust_env=False)
    server.kill()
    assert (page.status_code, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert "Something broke on our side" in page.text, page.text
    assert not [word for word in ("Traceback", "psycopg", "OperationalError") if word in page.text]
