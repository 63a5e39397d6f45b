"""The hand-over of a connection to Daphne's WebSocket protocol, which reads the request's head for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.protocols.policies import ProtocolWrapper

if TYPE_CHECKING:
    from pylo_site.server.head import Head


def hand_over(factory: Any, head: Head, transport: Any, rest: bytes) -> None:
    """Make `transport` Daphne's, and give it the head as if it came only now, with the bytes behind it."""
    protocol = factory.buildProtocol(transport.getPeer())
    protocol._raw_query_string = head.query  # noqa: SLF001 - Daphne's HTTP protocol sets it so
    if isinstance(transport, ProtocolWrapper):
        transport.wrappedProtocol = protocol
    else:
        transport.protocol = protocol
    protocol.makeConnection(transport)
    protocol.dataReceived(head.lines() + rest)
