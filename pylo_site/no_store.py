"""Pages that depend on who asks are stored nowhere: not by the browser's history, not by a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.cache import has_vary_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


class NoStoreMiddleware:
    """Stands before the session's middleware, which says `Vary: Cookie` when a page has looked at it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if has_vary_header(response, "Cookie"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
