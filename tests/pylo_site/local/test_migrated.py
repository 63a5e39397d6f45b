from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from pylo_site.local.migrated import mark, remember, remembered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def url() -> Iterator[str]:
    server = os.environ["DATABASE_URL"]
    name = sql.Identifier(f"pylo_migrated_{os.getpid()}")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield server.rpartition("/")[0] + f"/pylo_migrated_{os.getpid()}"
        connection.execute(sql.SQL("DROP DATABASE {}").format(name))


def test_a_database_remembers_its_mark(url: str) -> None:
    assert remembered(url) == ""
    remember(url, "migrated to it's end")
    assert remembered(url) == "migrated to it's end"


def test_a_database_that_does_not_answer_remembers_nothing() -> None:
    nowhere = "postgresql://pylo@127.0.0.1:1/pylo"
    remember(nowhere, "migrated")
    assert remembered(nowhere) == ""


def test_the_mark_changes_with_a_migration_or_a_pin(tmp_path: Path) -> None:
    (tmp_path / "billing" / "migrations").mkdir(parents=True)
    (tmp_path / "requirements.txt").write_text("")
    first = mark(tmp_path)
    (tmp_path / "billing" / "migrations" / "0002_more.py").write_text("")
    second = mark(tmp_path)
    (tmp_path / "requirements.txt").write_text("django==5.2.19\n")
    assert len({first, second, mark(tmp_path)}) == 3
