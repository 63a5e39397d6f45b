"""The checks before the start, told a line each."""

from __future__ import annotations

import django
from django.core.checks import ERROR, run_checks
from django.db import connections

from pylo_site.server import START


def problems() -> list[str]:
    """Set Django up and return what is in the way of serving. Wrong settings raise `Misconfigured`."""
    django.setup()
    found = run_checks(tags=[START], include_deployment_checks=True, databases=["default"])
    for connection in connections.all(initialized_only=True):  # the server opens its own, on its own threads
        connection.close()
        if close_pool := getattr(connection, "close_pool", None):
            close_pool()
    return [f"{each.id}: {each.msg}\n    hint: {each.hint}" for each in found if each.level >= ERROR]
