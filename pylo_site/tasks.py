"""Celery's tasks of more than one part: see billing/tasks.py for what holds of each."""

from __future__ import annotations

import time

import structlog
from celery import shared_task
from django.utils import timezone

from billing.payments import chosen
from pylo_site import nightly
from pylo_site.purse_states import RedisPurses
from pylo_site.reconciling import Means

log = structlog.get_logger(__name__)


@shared_task(name="pylo_site.reconcile")  # type: ignore[untyped-decorator]  # celery ships no types
def reconcile(**_: object) -> None:
    """Compare all numbers. It may take minutes, and only reads."""
    means = Means(
        provider=chosen.provider(),
        purses=RedisPurses(),
        write=lambda words: log.info("reconcile.progress", said=words),
        seconds=time.monotonic,
        sleep=time.sleep,
        always=False,
    )
    nightly.reconcile(means, timezone.now())
