"""The price book: one price a model at any moment, known by when a request was admitted. Nothing is ever re-rated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from billing.errors import BillingError
from billing.models import Price

if TYPE_CHECKING:
    from datetime import datetime

    from billing.pricing import Rates


class NoPrice(BillingError):  # noqa: N818 - reads as what it is
    """The model has no price at that moment."""


class TooEarly(BillingError):  # noqa: N818 - reads as what it is
    """A price starts in the future, after the one it follows: requests already priced keep what they were told."""


def current(model: str, at: datetime) -> Price:
    """Return the price of a request admitted at that moment."""
    alive = Q(ends_at__isnull=True) | Q(ends_at__gt=at)
    price = Price.objects.filter(alive, model=model, starts_at__lte=at).first()
    if price is None:
        raise NoPrice(f"{model} has no price at {at:%Y-%m-%d %H:%M:%S} UTC")
    return price


def check(*, model: str, starts_at: datetime, now: datetime) -> Price | None:
    """Raise `TooEarly` unless a price of the model may start then; return the open price that it would end."""
    if starts_at < now:
        raise TooEarly(f"{starts_at:%Y-%m-%d %H:%M:%S} UTC is past")
    last = Price.objects.filter(model=model, ends_at__isnull=True).first()
    if last is not None and starts_at <= last.starts_at:
        raise TooEarly(f"the last price of {model} starts at {last.starts_at:%Y-%m-%d %H:%M:%S} UTC")
    return last


def schedule(*, model: str, rates: Rates, starts_at: datetime, now: datetime) -> Price:
    """Let `rates` hold from `starts_at`, and end the price that is open until then at that moment.

    Where two do so at once, Postgres refuses the overlap of the second.
    """
    with transaction.atomic():
        last = check(model=model, starts_at=starts_at, now=now)
        if last is not None:
            last.ends_at = starts_at
            last.save(update_fields=["ends_at"])
        return Price.objects.create(
            model=model,
            input_nanos=rates.input_nanos,
            cached_nanos=rates.cached_nanos,
            output_nanos=rates.output_nanos,
            starts_at=starts_at,
        )
