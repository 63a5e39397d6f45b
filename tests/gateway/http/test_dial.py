from __future__ import annotations

import asyncio
import socket
import ssl

import httpx
import pytest

from gateway.http import dial
from gateway.http.dial import Origin
from tests.gateway.test_upstream import crowded

V4, V6 = socket.AF_INET, socket.AF_INET6


def found(address: tuple[str, int], family: socket.AddressFamily = V4) -> dial.Found:
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address


def refusing() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
    return host, port


async def test_an_address_that_swallows_what_is_sent_to_it_is_overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "NEXT_ADDRESS_SECONDS", 0.01)
    silent, waiting = crowded()
    with socket.create_server(("127.0.0.1", 0)) as good:
        async with asyncio.timeout(2):
            winner = await dial._race([found(silent.getsockname()), found(good.getsockname())])
        assert winner.getpeername() == good.getsockname()
        assert winner.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    for each in (winner, silent, *waiting):
        each.close()


async def test_an_address_that_refuses_is_overtaken_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as good:
        async with asyncio.timeout(0.2):  # less than the next one waits for
            winner = await dial._race([found(refusing()), found(good.getsockname())])
        assert winner.getpeername() == good.getsockname()
    winner.close()


async def test_where_every_address_refuses_the_first_ones_error_is_the_race_s() -> None:
    with pytest.raises(ConnectionRefusedError):
        await dial._race([found(refusing()), found(refusing())])


async def test_a_race_that_is_given_up_leaves_no_socket_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []

    class Noted(socket.socket):
        def __init__(self, *kind: int) -> None:
            super().__init__(*kind)
            made.append(self)

    silent, waiting = crowded()
    monkeypatch.setattr(dial, "NEXT_ADDRESS_SECONDS", 0.01)
    monkeypatch.setattr(socket, "socket", Noted)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await dial._race([found(silent.getsockname()), found(silent.getsockname())])
    await asyncio.sleep(0)
    assert [each.fileno() for each in made] == [-1, -1]
    for each in (silent, *waiting):
        each.close()


def test_the_addresses_of_both_families_take_turns() -> None:
    sixes = [found((f"::{number}", 1), V6) for number in range(3)]
    fours = [found((f"127.0.0.{number}", 1)) for number in range(1, 3)]
    assert dial._in_turns([*sixes, *fours]) == [sixes[0], fours[0], sixes[1], fours[1], sixes[2]]
    assert dial._in_turns(fours) == fours


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".invalid", "", "a..b"])
async def test_a_name_that_leads_nowhere_is_a_connect_error_without_its_text(host: str) -> None:
    with pytest.raises(httpx.ConnectError) as caught:
        await dial.dial(Origin(tls=False, host=host, port=9), asyncio.Protocol(), ssl.create_default_context(), 2)
    assert "invalid" not in str(caught.value)
