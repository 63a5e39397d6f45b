"""What is asked for once in a while and shown to everybody: a page that many open at once costs one query."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from django.core.cache import cache
from django.db import DatabaseError
from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

KEPT_SECONDS = 24 * 3600
ASKING_SECONDS = 10  # that others do not ask while one does, or after one found nobody to answer
T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    value: T
    at: datetime


def remembered(key: str, age: timedelta, ask: Callable[[datetime, T | None], T]) -> Kept[T] | None:
    """Return what was found at most `age` ago, else ask again, with the older finding to go on from.

    While another asks, and where Postgres does not answer, an older finding is returned; None when there is none.
    """
    now = timezone.now()
    kept: Kept[T] | None = cache.get(key)
    if kept is not None and now - kept.at < age:
        return kept
    if not cache.add(f"{key}.asking", 1, ASKING_SECONDS):
        return kept
    try:
        kept = Kept(ask(now, None if kept is None else kept.value), now)
    except DatabaseError as error:
        log.warning("status has no figures: %s", type(error).__name__)
        return kept
    cache.set(key, kept, KEPT_SECONDS)
    cache.delete(f"{key}.asking")
    return kept
