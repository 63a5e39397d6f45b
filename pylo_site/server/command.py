"""`daphne`'s own command line for this product: the same words, our server, and no access log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from daphne.cli import CommandLineInterface
from django.conf import settings

from pylo_site.server.daphne import Server
from pylo_site.server.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

APPLICATION = "pylo_site.asgi:application"
NOT_OURS = {
    "access_log": "--access-log: there is none, it would hold query strings; the gateway logs each request by itself",
    "http_timeout": "--http-timeout: it would end an answer as if it were whole; docs/operations.md names the limits",
}


class Command(CommandLineInterface):
    """Daphne's, with the application already named."""

    description = "Serve the portal and the API."

    def __init__(self) -> None:
        super().__init__()
        told = "How many to run on one IPv4 port, each with a socket of its own"
        self.parser.add_argument("--processes", type=int, default=1, help=told)

    def run(self, args: Sequence[str]) -> None:
        words = [*args, APPLICATION]
        options = self.parser.parse_args(words)
        for name, why in NOT_OURS.items():
            if getattr(options, name) is not None:
                self.parser.error(why)
        super().run(words)

    def server_class(self, *, application: Any, action_logger: object, **options: Any) -> Server:  # noqa: ARG002 - Daphne's access log
        options["server_name"] = "pylo" if options["server_name"] == "daphne" else options["server_name"]
        return Server(
            gateway=application.gateway,
            limits=Limits(body_bytes=settings.PYLO_MAX_BODY_BYTES, drain_seconds=settings.PYLO_DRAIN_SECONDS),
            trusted_proxies=settings.ALLAUTH_TRUSTED_PROXY_COUNT,
            websockets=False,  # the product has none: each would be an error in the log, and a bare 500
            application=application,
            **options,
        )
