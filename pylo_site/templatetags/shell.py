"""The portal's rail: one link, marked when the reader is on that page or below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django import template
from django.urls import reverse

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template import RequestContext

register = template.Library()


@dataclass(frozen=True, slots=True)
class Link:
    name: str
    label: str
    url: str
    current: bool


def link(request: HttpRequest, name: str, label: str) -> Link:
    url = reverse(name)
    return Link(name=name, label=label, url=url, current=request.path.startswith(url))


@register.inclusion_tag("shell/rail_link.html", takes_context=True)
def rail(context: RequestContext, name: str, label: str) -> dict[str, Link]:
    return {"link": link(context["request"], name, label)}
