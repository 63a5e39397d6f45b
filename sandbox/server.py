"""Daphne for the sandbox: bodies stay in memory, and a fault may reset or close the socket below an answer."""

from __future__ import annotations

import logging
import socket
import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server as Daphne

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.connection import Receive, Scope, Send

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER for no time


class Line:
    """The TCP connection below a request."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def reset(self) -> None:
        self._transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._transport.abortConnection()

    def close(self) -> None:
        self._transport.loseConnection()


class Request(WebRequest):
    def gotLength(self, length: int | None) -> None:  # noqa: ARG002, N802 - Twisted's name
        self.content = BytesIO()  # Twisted would put a long body into a temporary file


class Factory(HTTPFactory):
    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = Request
        return protocol


class Server(Daphne):
    @property
    def http_factory(self) -> Factory:
        return self._factory

    @http_factory.setter
    def http_factory(self, _stock: HTTPFactory) -> None:
        self._factory = Factory(self)  # Daphne makes its own in run(); ours takes its place

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if protocol.channel is not None:
            scope["extensions"] = {"sandbox.socket": Line(protocol.channel.transport)}
        return super().create_application(protocol, scope)


def serve(application: Callable[[Scope, Receive, Send], Awaitable[None]], host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    Server(
        application=application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        application_close_timeout=2,
        server_name="sandbox",
    ).run()
