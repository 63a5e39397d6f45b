from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from gateway.asgi import EVENT_STREAM, Reply, Request, on_every_answer
from gateway.errors import BrokenOff, ClientGone, InvalidRequest, RequestTooLarge, UnknownUrl
from gateway.uids import RequestIds

if TYPE_CHECKING:
    from gateway.asgi import Message

IDS = RequestIds(UUID(int=1), "mine", "req_1", refused=False)


class Server:
    """The server's end of one request: what it will say, and what it was told."""

    def __init__(self, *said: Message) -> None:
        self.said: asyncio.Queue[Message] = asyncio.Queue()
        for message in said:
            self.said.put_nowait(message)
        self.told: list[Message] = []

    async def send(self, message: Message) -> None:
        self.told.append(message)

    def hang_up(self) -> None:
        self.said.put_nowait({"type": "http.disconnect"})

    def request(self, *headers: tuple[bytes, bytes]) -> Request:
        return Request({"method": "POST", "path": "/", "headers": headers}, self.said.get)


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_in_parts_is_read_whole() -> None:
    assert await Server(part(b"ab", more=True), part(b"", more=True), part(b"cd")).request().body(4) == b"abcd"


async def test_one_byte_too_many_is_refused() -> None:
    with pytest.raises(RequestTooLarge):
        await Server(part(b"ab", more=True), part(b"cde", more=True)).request().body(4)


async def test_a_declared_length_is_believed_before_reading() -> None:
    server = Server(part(b"x"))
    with pytest.raises(RequestTooLarge):
        await server.request((b"content-length", b"5")).body(4)
    assert server.said.qsize() == 1


async def test_a_length_that_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        await Server(part(b"x")).request((b"content-length", b"-1")).body(4)


async def test_a_length_of_thousands_of_digits_is_too_large() -> None:
    with pytest.raises(RequestTooLarge):
        await Server(part(b"x")).request((b"content-length", b"9" * 5000)).body(4)


async def test_a_client_that_leaves_amid_its_body_is_gone() -> None:
    with pytest.raises(ClientGone):
        await Server(part(b"ab", more=True), {"type": "http.disconnect"}).request().body(4)


async def test_a_hang_up_cancels_the_work_and_is_told_as_such() -> None:
    server, ended = Server(), []

    async def serve() -> None:
        async with server.request().connected():
            server.hang_up()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)  # what is closed at the end may take its time
                ended.append("closed")

    with pytest.raises(ClientGone):
        await serve()
    assert ended == ["closed"]


async def test_a_failure_while_being_cancelled_does_not_hide_the_hang_up() -> None:
    server = Server()

    async def serve() -> None:
        async with server.request().connected():
            server.hang_up()
            try:
                await asyncio.Event().wait()
            finally:
                raise UnknownUrl("while closing")

    with pytest.raises(ClientGone):
        await serve()


async def test_an_error_comes_out_as_it_is() -> None:
    with pytest.raises(UnknownUrl):
        async with Server().request().connected():
            raise UnknownUrl("m")


async def test_what_runs_beside_ends_with_the_block() -> None:
    ended = asyncio.Event()

    async def beside() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with Server().request().connected(beside()):
        await asyncio.sleep(0)
        assert not ended.is_set()
    assert ended.is_set()


async def test_after_the_block_a_hang_up_is_nobodys_business() -> None:
    server = Server()
    async with server.request().connected():
        await asyncio.sleep(0)
    server.hang_up()
    await asyncio.sleep(0)
    assert server.said.qsize() == 1


async def test_a_servers_own_cancellation_is_no_hang_up() -> None:
    async def serve() -> None:
        async with Server().request().connected():
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        serving = group.create_task(serve())
        await asyncio.sleep(0)
        serving.cancel()
    assert serving.cancelled()


async def test_whatever_is_sent_has_the_ids() -> None:
    server = Server()
    await Reply(server.send, IDS, list, bodiless=False).error(UnknownUrl("m"))
    start, body = server.told
    assert start["headers"][-2:] == [(b"x-request-id", b"mine"), (b"x-pylo-request-id", b"req_1")]
    assert (start["status"], body["more_body"]) == (404, False)


async def test_an_error_after_the_start_of_a_stream_is_its_last_event() -> None:
    server = Server()
    reply = Reply(server.send, IDS, list, bodiless=False)
    await reply.start(200, [EVENT_STREAM])
    await reply.error(UnknownUrl("m"))
    assert server.told[-1]["body"].startswith(b'data: {"error":{"message":"m"')
    assert (server.told[-1]["body"][-2:], server.told[-1]["more_body"]) == (b"\n\n", False)


async def test_an_error_after_the_start_of_a_document_is_for_the_server_to_show() -> None:
    server = Server()
    reply = Reply(server.send, IDS, list, bodiless=False)
    await reply.start(200, [])
    with pytest.raises(BrokenOff):
        await reply.error(UnknownUrl("m"))
    assert [message["type"] for message in server.told] == ["http.response.start"]


async def test_a_server_that_cannot_send_any_more_tells_of_a_hang_up() -> None:
    async def send(message: Message) -> None:
        raise ConnectionResetError

    with pytest.raises(ClientGone):
        await Reply(send, IDS, list, bodiless=False).start(200, [])


async def test_every_answer_has_the_stamp_of_its_start() -> None:
    server, stamps = Server(), iter([[(b"a", b"1")], [(b"a", b"2")]])
    await Reply(server.send, IDS, lambda: next(stamps), bodiless=False).json(200, b"{}")
    await Reply(server.send, IDS, lambda: next(stamps), bodiless=False).empty([(b"b", b"3")])
    whole, _, empty, nothing = server.told
    assert (b"a", b"1") in whole["headers"]
    assert (empty["status"], empty["headers"][:2]) == (204, [(b"b", b"3"), (b"a", b"2")])
    assert (nothing["body"], nothing["more_body"]) == (b"", False)


@pytest.mark.parametrize(("secure", "sent"), [(True, b"max-age=31536000; includeSubDomains"), (False, None)])
def test_browsers_are_held_to_https_where_the_site_has_it(*, secure: bool, sent: bytes | None) -> None:
    headers = dict(on_every_answer(secure=secure))
    assert headers.get(b"strict-transport-security") == sent
    assert (headers[b"access-control-allow-origin"], headers[b"x-content-type-options"]) == (b"*", b"nosniff")
