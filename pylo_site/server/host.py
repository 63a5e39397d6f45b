"""What a connection needs of the server it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from gateway.uids import RequestIds
    from pylo_site.server.connection import Connection
    from pylo_site.server.exchange import Exchange
    from pylo_site.server.head import Head, Heading
    from pylo_site.server.limits import Limits
    from pylo_site.server.refusals import Refusal


class Host(Protocol):
    """What a connection needs of the server."""

    limits: Limits
    trusted_proxies: int
    websockets: bool
    root_path: str
    ending: bool

    def now(self) -> float: ...

    def stamp(self) -> bytes: ...

    def ids(self, head: Head | Heading | None) -> RequestIds: ...

    def joined(self, connection: Connection) -> None: ...

    def left(self, connection: Connection) -> None: ...

    def run_application(self, connection: Connection, exchange: Exchange) -> None: ...

    def refusal(self, refusal: Refusal, head: Head | Heading | None, *, bodiless: bool) -> bytes: ...

    def websocket(self, head: Head, transport: Any, rest: bytes) -> None: ...
