"""Public pages and the overview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.urls import path

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def _stand_in(request: HttpRequest) -> HttpResponse:
    return render(request, "portal.html")


urlpatterns = [
    path("", _stand_in, name="landing"),
    path("overview/", _stand_in, name="overview"),
]
