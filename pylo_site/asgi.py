"""The ASGI application: `/v1`, probes and `/metrics` go to the gateway with no Django on their path, the rest to it."""

from __future__ import annotations

import hmac
import os
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pylo_site.settings")  # noqa: TID251 - names the settings, reads none

from django.conf import settings
from django.core.asgi import get_asgi_application

from gateway.config import GatewayConfig, load_upstreams
from gateway.deadlines import Deadlines
from gateway.overload import Bounds
from gateway.routes import is_gateways
from gateway.runtime import Application

if TYPE_CHECKING:
    from gateway.asgi import App, Receive, Scope, Send


def gateway_config() -> GatewayConfig:
    """Translate the settings into the gateway's own; raise `UpstreamsError` when the upstreams' file does not hold."""
    return GatewayConfig(
        model=settings.PYLO_MODEL,
        upstreams=load_upstreams(settings.PYLO_UPSTREAMS, os.environ),  # noqa: TID251 - the file names the keys' variables
        peppers=tuple(settings.PYLO_KEY_PEPPERS),
        database_url=settings.DATABASE_URL,
        redis_url=settings.REDIS_URL,
        journal_dir=settings.PYLO_JOURNAL_DIR,
        host=socket.gethostname(),
        idempotency_secret=hmac.digest(settings.SECRET_KEY.encode(), b"pylo idempotency", "sha256"),
        retry_lookup=settings.PYLO_RETRY_LOOKUP_MS / 1000,
        max_body_bytes=settings.PYLO_MAX_BODY_BYTES,
        secure=settings.SECURE,
        public_host=urlsplit(settings.PYLO_PUBLIC_URL).netloc,
        metrics_token=settings.PYLO_METRICS_TOKEN,
        metrics_dir=settings.PYLO_METRICS_DIR,
        retires=settings.PYLO_MODEL_RETIRES,
        most_in_flight=settings.PYLO_MOST_IN_FLIGHT,
        processes=settings.PYLO_PROCESSES,
        bounds=Bounds(lag=settings.PYLO_LOOP_LAG_MS / 1000, body_bytes=settings.PYLO_BODY_MEMORY_BYTES),
        breaker=settings.PYLO_BREAKER,
        deadlines=Deadlines(
            first_token=settings.PYLO_FIRST_TOKEN_SECONDS,
            idle=settings.PYLO_IDLE_SECONDS,
            total=settings.PYLO_ANSWER_SECONDS,
            keep_alive=settings.PYLO_KEEP_ALIVE_SECONDS,
        ),
    )


class Site:
    """Sends each request to its half.

    Where the public URL is https, a proxy of ours ended TLS: the portal is told so here, and not by a header that a
    client can send. The same holds for the root path, which other servers take from a header.
    """

    def __init__(self, gateway: App, portal: Any, *, secure: bool) -> None:
        self.gateway = gateway
        self.portal = portal
        self._told = {"scheme": "https" if secure else "http", "root_path": ""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] == "http" and is_gateways(path):
            await self.gateway(scope, receive, send)
        else:
            await self.portal({**scope, **self._told} if scope["type"] == "http" else scope, receive, send)


portal: Any = get_asgi_application()
application = Site(Application(gateway_config(), portal), portal, secure=settings.SECURE)
