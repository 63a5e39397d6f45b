from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from pylo_site.local import binaries, engines, places
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path

GIVEN = {"PATH": os.environ["PATH"], "REDIS_URL": "redis://not-started"}


def started(var: Path, search: binaries.Search | None = None) -> str:
    """Start the engine, ask it for its encoding, stop it."""
    where = places.prepare(var)
    found = search or binaries.Search(GIVEN["PATH"])
    engine = engines.running(where, GIVEN, search=found, say=lambda _: None, durable=False)
    with engine as running, closing(psycopg.connect(running.database_url)) as connection:
        return str(connection.execute("SHOW server_encoding").fetchone())


def test_an_initdb_that_was_cut_off_is_begun_anew(var: Path) -> None:
    (var / "postgres.new").mkdir()
    (var / "postgres.new" / "PG_VERSION").write_text("15\n")
    (var / "password").write_text("left")
    assert started(var) == "('UTF8',)"
    assert sorted(each.name for each in var.iterdir()) == ["postgres", "run", "secrets.env"]


def test_a_lock_file_that_names_another_living_program_is_removed(var: Path) -> None:
    started(var)
    lock = var / "postgres" / "postmaster.pid"
    lock.write_text(f"{os.getppid()}\n{var}/postgres\n1700000000\n5432\n\n127.0.0.1\n  1234567     98765\n")
    assert started(var) == "('UTF8',)"


def test_lost_secrets_are_told_with_a_way_out(var: Path) -> None:
    started(var)
    (var / "secrets.env").unlink()
    with pytest.raises(Trouble, match=r"another password .* put that file back"):
        started(var)
    assert (var / "postgres").exists()


def test_data_of_a_version_that_is_not_there_are_left_alone(var: Path) -> None:
    started(var)
    (var / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(Trouble, match=r"data of Postgres 9, and there is none of that version here"):
        started(var)


def test_without_any_postgres_the_way_out_is_told(var: Path, tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="DATABASE_URL"):
        started(var, binaries.Search("", debian=tmp_path, use="machine"))
