"""Which paths exist below /v1, and with which methods. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import MethodNotAllowed, UnknownUrl

CHAT_PATH = "/v1/chat/completions"
MODELS_PATH = "/v1/models"
ELSEWHERE = frozenset({"/v1/responses", "/v1/completions", "/v1/embeddings", "/v1/messages"})
LONGEST_ECHO = 120
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class Route(StrEnum):
    """A path's template: all that the log knows of it."""

    CHAT = CHAT_PATH
    MODELS = MODELS_PATH
    MODEL = "/v1/models/{id}"


ALLOWED = {Route.CHAT: ("POST",), Route.MODELS: ("GET", "HEAD"), Route.MODEL: ("GET", "HEAD")}


@dataclass(frozen=True, slots=True)
class Target:
    route: Route
    argument: str = ""


def resolve(method: str, path: str) -> Target:
    """Return where a request goes; `path` is percent-decoded, so a model's slash may come as %2F."""
    target = _target(method, path)
    allowed = ALLOWED[target.route]
    if method not in allowed:
        names = ", ".join(allowed)
        raise MethodNotAllowed(f"Not allowed: {_known(method)} on {target.route}. Use {names}.", allow=names)
    return target


def _target(method: str, path: str) -> Target:
    if path == CHAT_PATH:
        return Target(Route.CHAT)
    if path == MODELS_PATH:
        return Target(Route.MODELS)
    model = path.removeprefix(f"{MODELS_PATH}/")
    if model not in ("", path):
        return Target(Route.MODEL, model)
    shown = "".join(char for char in path[:LONGEST_ECHO] if char.isascii() and char.isprintable())
    hint = f"Use POST {CHAT_PATH}." if path in ELSEWHERE else "Please check the URL for typos."
    raise UnknownUrl(f"Unknown request URL: {_known(method)} {shown}. {hint}")


def _known(method: str) -> str:
    return method if method in METHODS else "an unknown method"
