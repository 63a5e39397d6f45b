"""The public pages: the prices on them are the price book's, the base URL is the reader's own setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render, resolve_url
from django.templatetags.static import static
from django.utils import timezone
from django.views.decorators.http import require_safe

from pylo_site.pages.audit import FIELDS
from pylo_site.pages.price_list import PriceList, price_list

if TYPE_CHECKING:
    from django.http import HttpRequest

PRIVATE = ("overview", "account_login", "admin:index")


def _prices() -> PriceList | None:
    return price_list(settings.PYLO_MODEL, timezone.now())


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/landing.html", {"prices": _prices()})


@require_safe
def quickstart(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/quickstart.html")


@require_safe
def model(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/model.html", {"prices": _prices()})


@require_safe
def pricing(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/pricing.html", {"prices": _prices()})


@require_safe
def reliability(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/reliability.html")


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/privacy.html", {"fields": FIELDS})


@require_safe
def robots(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view is given it
    lines = ["User-agent: *", *(f"Disallow: {resolve_url(name)}" for name in PRIVATE)]
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view is given it
    """Answer the browsers that ask for this name whatever the page says."""
    return HttpResponsePermanentRedirect(static("img/favicon.svg"))
