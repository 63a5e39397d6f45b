"""A small ASGI application behind our server, or behind Daphne as it comes: `python -m tests.fakes.serving --help`.

The application does on demand what an application may do, right and wrong, and notes in a file what it was told.
"""

# ruff: noqa: ARG002 - each behaviour has ASGI's signature

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pylo_site.server import loop

if TYPE_CHECKING:
    from gateway.asgi import Message, Receive, Scope, Send

PLAIN = [(b"content-type", b"text/plain")]
MANY = 10**9
PIECES = 100


class Application:
    """Each path is one behaviour."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        self.gateway = self
        self._ending, self._ended = asyncio.Event(), asyncio.Event()
        self._streams = 0

    async def open(self) -> None:
        self.note("open")

    async def drain(self, seconds: float) -> None:
        self.note(f"drain {seconds:g}")
        try:
            async with asyncio.timeout(seconds):
                while self._streams:
                    await self._ended.wait()
        except TimeoutError:
            self._ending.set()

    async def close(self) -> None:
        self.note("close")

    def note(self, line: str) -> None:
        with self._notes.open("a") as file:
            file.write(line + "\n")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        act = getattr(self, scope["path"].strip("/").replace("-", "_"), self.echo)
        await act(scope, receive, send)

    async def echo(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what was asked, as JSON."""
        pieces = [piece async for piece in _body(receive)]
        told = {name: scope[name] for name in ("method", "path", "root_path", "scheme", "client", "http_version")}
        told |= {"query": scope["query_string"].decode(), "length": len(b"".join(pieces)), "pieces": len(pieces)}
        told["headers"] = [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]
        body = json.dumps(told).encode()
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [*PLAIN, length]})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def large(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send 64 KiB after 64 KiB without an end, and note each; hears of a hang-up from `send` alone."""
        await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
        try:
            for index in range(MANY):
                await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
                self.note(f"sent {index}")
                await asyncio.sleep(0)
        except OSError as error:
            self.note(f"told {type(error).__name__}")
            raise

    async def wait(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note what `receive` says after the request, and when."""
        while (message := await receive())["type"] == "http.request":
            self.note(f"request {len(message['body'])}")
            if not message["more_body"]:
                self.note("whole")
        self.note(message["type"])

    async def unread(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take no body until the client has gone."""
        await asyncio.sleep(0.5)
        await self.wait(scope, receive, send)

    async def early(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer without a look at the body."""
        await send({"type": "http.response.start", "status": 401, "headers": PLAIN})
        await send({"type": "http.response.body", "body": b"no"})

    async def crash(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("words of a prompt")

    async def crash_amid(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._begin(send)
        raise RuntimeError("words of a prompt")

    async def return_amid(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._begin(send)

    async def nothing(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Return without an answer."""

    async def inject(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"x-a", b"1\r\nx-b: 2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a piece each 20 ms, a hundred of them, or until the process ends: then the last says so."""
        self._streams += 1
        self._ended.clear()
        await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
        index, word = 0, b"whole\n"
        while index < PIECES:
            await send({"type": "http.response.body", "body": b"%d\n" % index, "more_body": True})
            index += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await self._ending.wait()
                    index, word = PIECES, b"ended\n"
        await send({"type": "http.response.body", "body": word})
        self.note(word.decode().strip())
        self._streams -= 1
        self._ended.set()

    async def _begin(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if scope["path"] == "/refuse":
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        origin = dict(scope["headers"]).get(b"origin", b"-").decode()
        await send({"type": "websocket.send", "text": f"{scope['client'][0]} {origin}"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        self.note(f"websocket {message['code']}")


async def _body(receive: Receive) -> Any:
    while (message := await receive())["type"] == "http.request":
        yield message["body"]
        if not message["more_body"]:
            return


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 to all that comes, after its body: what the probes are sent to at Daphne as it comes."""
    message: Message = {"more_body": True}
    while message.get("more_body"):
        message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def _ours(options: argparse.Namespace, endpoint: str) -> None:
    loop.install()
    from pylo_site.server.daphne import Server  # noqa: PLC0415 - imports the reactor
    from pylo_site.server.limits import Limits  # noqa: PLC0415 - as above

    application = Application(options.notes)
    proxies = options.proxies
    limits = Limits(**json.loads(options.limits))
    server = Server(
        gateway=application, limits=limits, trusted_proxies=proxies, application=application, endpoints=[endpoint]
    )
    server.run()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--notes", type=Path, default=Path("/dev/null"))
    parser.add_argument("--limits", default="{}", help="JSON of what differs from the server's limits")
    parser.add_argument("--proxies", type=int, default=0)
    parser.add_argument("--stock", action="store_true", help="Daphne as it comes")
    options = parser.parse_args()
    endpoint = f"tcp:port={options.port}:interface=127.0.0.1"
    if options.stock:
        from daphne.server import Server  # noqa: PLC0415 - installs its own reactor

        Server(application=answering, endpoints=[endpoint]).run()
    else:
        _ours(options, endpoint)
    return 0


if __name__ == "__main__":
    sys.exit(main())
