from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING

from pylo_site.local.launch import birth
from tests.pylo_site.local.conftest import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pylo_site.local.conftest import House


def gone(pids: list[int]) -> bool:
    return not any(birth(pid) for pid in pids)


def test_ctrl_c_stops_every_process_quietly(serve: Callable[..., House]) -> None:
    house = serve().up()
    pids = house.pids()
    assert len(pids) == 4
    house.process.send_signal(signal.SIGINT)
    assert house.ended() == 130
    assert gone(pids)
    assert "Traceback" not in house.log()


def test_sigterm_is_an_ordinary_end(serve: Callable[..., House]) -> None:
    house = serve().up()
    house.process.send_signal(signal.SIGTERM)
    assert house.ended() == 0


def test_a_second_start_leaves_the_first_alone(serve: Callable[..., House]) -> None:
    first = serve().up()
    second = serve()
    assert second.ended() == 1
    assert f"already runs on {first.var} (process {first.process.pid})" in second.log().splitlines()[-1]
    socket.create_connection(("127.0.0.1", first.port)).close()


def test_a_busy_port_is_told_before_anything_starts(serve: Callable[..., House]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        house = serve(port=port)
        assert house.ended() == 1
    assert f"Port {port} is in use" in house.log().splitlines()[-1]
    assert house.pids() == []


def test_a_process_that_ends_by_itself_is_named_and_ends_the_rest(serve: Callable[..., House]) -> None:
    house = serve(falling=True)
    assert house.ended() == 1
    assert "printer ended by itself (exit code 3)" in house.log().splitlines()[-1]
    assert "no more paper" in house.log()
    assert gone(house.pids())


def test_a_killed_postgres_is_named_and_the_next_start_has_its_data(serve: Callable[..., House]) -> None:
    house = serve().up()
    with house.database() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(house.pid("postgres"), signal.SIGKILL)
    assert house.ended() == 1
    assert "postgres ended by itself (killed by SIGKILL)" in house.log().splitlines()[-1]
    with serve().up().database() as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_killed_supervisor_takes_all_with_it_and_the_next_start_has_its_data(serve: Callable[..., House]) -> None:
    house = serve().up()
    pids = house.pids()
    with house.database() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    house.process.kill()
    house.ended()
    eventually(lambda: gone(pids), "every child gone")
    with serve().up().database() as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_everything_killed_at_once_does_not_block_the_next_start(serve: Callable[..., House]) -> None:
    house = serve().up()
    for pid in (house.process.pid, *house.pids()):
        os.kill(pid, signal.SIGKILL)
    house.ended()
    assert serve().up().process.poll() is None
