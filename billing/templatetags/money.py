"""`{% load money %}`: how templates show money and counts. A missing value stays empty, never "$0.00"."""

from __future__ import annotations

from django import template

from billing import money

register = template.Library()


@register.filter
def usd(nanos: int | None) -> str:
    return "" if nanos is None else money.dollars(nanos)


@register.filter
def exact_usd(nanos: int | None) -> str:
    return "" if nanos is None else money.exact(nanos)


@register.filter
def cents(amount: int | None) -> str:
    return "" if amount is None else money.cents(amount)


@register.filter
def thousands(number: int | None) -> str:
    return "" if number is None else money.thousands(number)


@register.filter
def per_million(nanos_per_token: int | None) -> str:
    return "" if nanos_per_token is None else money.per_million(nanos_per_token)
