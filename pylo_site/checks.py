"""What must be there before a process serves: `manage.py check --deploy --tag start --database default` shows it too.

Deployment checks, so that `migrate` and the commands that mend a problem are not stopped by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.checks import Error, register
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q
from django.db.utils import OperationalError
from django.utils import timezone

from billing.models import Price
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
    """Check that the file is there; what is in it is for the gateway to judge."""
    if settings.PYLO_UPSTREAMS.is_file():
        return []
    hint = "Set PYLO_UPSTREAMS to a file as docs/operations.md shows; bin/serve makes one for the sandbox."
    return [Error(f"The upstreams' file {settings.PYLO_UPSTREAMS} is not there.", hint=hint, id="pylo.E032")]
