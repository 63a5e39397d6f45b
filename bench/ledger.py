"""`bin/bench ledger`: the journal, the shipper, the rollups and the portal's pages, on a database of its own."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import django
import msgspec
import psycopg
from django.core.management import call_command
from psycopg import sql

from pylo_site.local.tests import engines_for, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENGINES = ("DATABASE_URL", "REDIS_URL")  # somebody's own are never touched


def ledger(records: int, seconds: float, given: Mapping[str, str]) -> None:
    """Measure, print, and write var/ledger/ledger.json. Raises `Trouble` for what is missing here."""
    until = time.monotonic() + seconds
    own = {name: value for name, value in given.items() if name not in ENGINES}
    with engines_for("ledger", own, durable=True) as environ, _emptied(environ["DATABASE_URL"]) as url:
        var = Path(environ["PYLO_JOURNAL_DIR"]).parent
        folder = var / "bench-run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        os.environ.update(environ, DJANGO_SETTINGS_MODULE="pylo_site.settings")
        django.setup()
        call_command("migrate", verbosity=0)
        from bench.ledger_phases import Run, measure  # noqa: PLC0415 - its models need Django set up

        results = measure(Run(url, folder, records, until))
        (var / "ledger.json").write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1))
        say(f"all figures: {var / 'ledger.json'}")


@contextmanager
def _emptied(url: str) -> Iterator[str]:
    """The database, new at the beginning and gone at the end; one that a killed run left is gone at the next."""
    name, server = sql.Identifier(urlsplit(url).path.strip("/")), url.rpartition("/")[0] + "/postgres"

    def drop() -> None:
        with psycopg.connect(server, autocommit=True) as session:
            session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    drop()
    with psycopg.connect(server, autocommit=True) as session:
        session.execute(sql.SQL("CREATE DATABASE {}").format(name))
    try:
        yield url
    finally:
        drop()
