"""What must be there before a process serves: `manage.py check --deploy --tag start --database default` shows it too.

Deployment checks, so that `migrate` and the commands that mend a problem are not stopped by it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.checks import Error, register
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q
from django.db.utils import OperationalError
from django.utils import timezone

from billing.models import Price
from gateway.config import UpstreamsError, load_upstreams
from pylo_site.server import START

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.apps import AppConfig
    from django.core.checks import CheckMessage


REACH = "Check DATABASE_URL, and that the server runs and lets this machine in."
MIGRATE = "Run: python manage.py migrate"
PRICE = "Add one in /admin/billing/price/ that has begun and not ended; without it nothing can be charged."


@register(START, deploy=True)
def database(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - the signature is Django's
    databases: Sequence[str] | None = None,
    **_: object,
) -> list[CheckMessage]:
    """Check Postgres in the order things are mended: reachable, migrated, priced."""
    for alias in databases or ():
        try:
            unapplied = unapplied_migrations(alias)
        except OperationalError as error:
            said = str(error).strip().splitlines()
            return [
                Error(
                    f"Postgres does not answer: {said[0] if said else type(error).__name__}", hint=REACH, id="pylo.E033"
                )
            ]
        if unapplied:
            return [Error(f"Migrations are not applied: {', '.join(unapplied)}.", hint=MIGRATE, id="pylo.E030")]
        if not has_price(alias, timezone.now()):
            return [Error(f"No price of {settings.PYLO_MODEL} holds now.", hint=PRICE, id="pylo.E031")]
    return []


def unapplied_migrations(alias: str) -> list[str]:
    executor = MigrationExecutor(connections[alias])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def has_price(alias: str, now: datetime) -> bool:
    begun = Price.objects.using(alias).filter(model=settings.PYLO_MODEL, starts_at__lte=now)
    return begun.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now)).exists()


@register(START, deploy=True)
def upstreams(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - the signature is Django's
    **_: object,
) -> list[CheckMessage]:
    """Check that the gateway can use the upstreams' file (pylo.E101 and on)."""
    try:
        load_upstreams(settings.PYLO_UPSTREAMS, os.environ)  # noqa: TID251 - the file names the keys' variables
    except UpstreamsError as error:
        return [Error(problem.message, hint=problem.hint, id=problem.id) for problem in error.problems]
    return []
