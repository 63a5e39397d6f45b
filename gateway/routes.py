"""Which paths the gateway answers, and with which methods. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from gateway.errors import MethodNotAllowed, UnknownUrl, echoed

API = "/v1"
CHAT_PATH = "/v1/chat/completions"
MODELS_PATH = "/v1/models"
OTHER_APIS = frozenset({"chat", "completions", "embeddings", "engines", "messages", "responses"})
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
REQUEST = re.compile(r"/+v1/+requests/+(.+)", re.DOTALL)  # an id may have slashes: all that follows is it
SLASHES = re.compile("/{2,}")


class Route(StrEnum):
    """A path's template: all that the log knows of it."""

    CHAT = CHAT_PATH
    MODELS = MODELS_PATH
    MODEL = "/v1/models/{id}"
    REQUEST = "/v1/requests/{id}"
    PROVIDER_MODELS = "/v1/provider/models"
    HEALTH = "/health"
    READY = "/ready"
    METRICS = "/metrics"

    @property
    def allowed(self) -> tuple[str, ...]:
        return ("POST", "OPTIONS") if self is Route.CHAT else ("GET", "HEAD", "OPTIONS")

    @property
    def needs_key(self) -> bool:
        return self not in OPEN


OPEN = frozenset({Route.PROVIDER_MODELS, Route.HEALTH, Route.READY, Route.METRICS})
FIXED = {route.value: route for route in Route if "{" not in route.value}


@dataclass(frozen=True, slots=True)
class Target:
    route: Route
    argument: str = ""


def is_gateways(path: str) -> bool:
    """Say whether the gateway answers a path, if only that it is unknown."""
    plain = _plain(path)
    return plain == API or plain.startswith(f"{API}/") or plain in FIXED


def resolve(method: str, path: str) -> Target:
    """Return where a request goes; raise `UnknownUrl` or `MethodNotAllowed`. `path` is percent-decoded."""
    target = find(path)
    if target is None:
        raise UnknownUrl(f"Unknown request URL: {_known(method)} {echoed(path)}. {_hint(path)}")
    allowed = target.route.allowed
    if method not in allowed:
        names = ", ".join(allowed)
        raise MethodNotAllowed(f"Not allowed: {_known(method)} on {target.route}. Use {names}.", allow=names)
    return target


def find(path: str) -> Target | None:
    """Return what a path leads to; double and trailing slashes, as clients glue them together, make no difference.

    The slash of a model may come as %2F, decoded once by the server or not at all.
    """
    plain = _plain(path)
    route = FIXED.get(plain)
    if route is not None:
        return Target(route)
    request = REQUEST.fullmatch(path)
    if request is not None:
        return Target(Route.REQUEST, request[1])
    model = plain.removeprefix(f"{MODELS_PATH}/")
    return Target(Route.MODEL, unquote(model)) if model != plain else None


def _plain(path: str) -> str:
    return SLASHES.sub("/", path).rstrip("/")


def _hint(path: str) -> str:
    _, _, rest = _plain(path).partition(API)
    api = rest.lstrip("/").partition("/")[0]
    if api in OTHER_APIS or not api:
        return f"Use POST {CHAT_PATH}."
    return "Please check the URL for typos."


def _known(method: str) -> str:
    return method if method in METHODS else "an unknown method"
