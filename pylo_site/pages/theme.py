"""Light, dark or as the system has it: kept in a cookie that the server reads, so that no page flashes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

if TYPE_CHECKING:
    from django.http import HttpRequest

COOKIE = "theme"
A_YEAR = 365 * 24 * 3600


class Theme(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


def chosen(request: HttpRequest) -> Theme:
    """Return what the reader chose; the system's own when they did not, or the cookie makes no sense."""
    try:
        return Theme(request.COOKIES.get(COOKIE, Theme.SYSTEM))
    except ValueError:
        return Theme.SYSTEM


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the choice and go back to the page it was made on."""
    try:
        choice = Theme(request.POST.get("theme", ""))
    except ValueError:
        return HttpResponse("No such theme.", status=400, content_type="text/plain")
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = resolve_url("landing")
    response = HttpResponseRedirect(back)
    if choice is Theme.SYSTEM:
        response.delete_cookie(COOKIE, samesite="Lax")
    else:
        response.set_cookie(COOKIE, choice, max_age=A_YEAR, httponly=True, secure=settings.SECURE, samesite="Lax")
    return response
