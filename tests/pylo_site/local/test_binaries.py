from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pylo_site.local.binaries import MACHINE, Program, Search, postgres, redis

if TYPE_CHECKING:
    from pathlib import Path


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def a_postgres(folder: Path, version: str) -> Path:
    program(folder / "initdb", "")
    return program(folder / "postgres", f"postgres (PostgreSQL) {version}")


def search(tmp_path: Path, use: str = MACHINE) -> Search:
    return Search(str(tmp_path / "path"), debian=tmp_path / "debian", use=use)


def test_the_newest_postgres_is_taken(tmp_path: Path) -> None:
    a_postgres(tmp_path / "path", "15.18 (Debian 15.18-0)")
    newest = a_postgres(tmp_path / "debian" / "17" / "bin", "17.2")
    a_postgres(tmp_path / "debian" / "16" / "bin", "16.4")
    assert postgres(search(tmp_path)) == Program(newest, 17, MACHINE)


def test_data_are_run_by_the_version_that_made_them(tmp_path: Path) -> None:
    a_postgres(tmp_path / "debian" / "17" / "bin", "17.2")
    fit = a_postgres(tmp_path / "debian" / "15" / "bin", "15.18")
    assert postgres(search(tmp_path), data_version=15) == Program(fit, 15, MACHINE)
    assert postgres(search(tmp_path), data_version=16) is None


def test_a_postgres_that_is_too_old_is_none(tmp_path: Path) -> None:
    a_postgres(tmp_path / "path", "14.11")
    assert postgres(search(tmp_path)) is None


def test_a_postgres_without_initdb_is_none(tmp_path: Path) -> None:
    a_postgres(tmp_path / "path", "16.4").with_name("initdb").unlink()
    assert postgres(search(tmp_path)) is None


def test_a_postgres_without_btree_gist_is_none(tmp_path: Path) -> None:
    a_postgres(tmp_path / "path", "16.4")
    program(tmp_path / "path" / "pg_config", str(tmp_path / "share"))
    assert postgres(search(tmp_path)) is None
    (tmp_path / "share" / "extension").mkdir(parents=True)
    (tmp_path / "share" / "extension" / "btree_gist.control").touch()
    assert postgres(search(tmp_path)) is not None


def test_a_program_that_does_not_run_is_none(tmp_path: Path) -> None:
    a_postgres(tmp_path / "path", "16.4").write_text("#!/bin/sh\nexit 1\n")
    assert postgres(search(tmp_path)) is None


@pytest.mark.parametrize(
    ("name", "says", "version"),
    [
        ("redis-server", "Redis server v=7.0.15 sha=0:0 malloc=jemalloc-5.3.0 bits=64", 7),
        ("valkey-server", "Valkey server v=8.1.1 sha=0:1 malloc=libc bits=64", 8),
        ("redis-server", "Valkey server v=8.1.1 sha=0:1 malloc=libc bits=64", 8),
    ],
)
def test_redis_and_valkey_are_known_by_what_they_say(tmp_path: Path, name: str, says: str, version: int) -> None:
    path = program(tmp_path / "path" / name, says)
    assert redis(search(tmp_path)) == Program(path, version, MACHINE)


@pytest.mark.parametrize("says", ["Redis server v=6.2.14 sha=0:0", "Valkey server v=7.2.5 sha=0:0", "nonsense"])
def test_a_redis_that_is_too_old_is_none(tmp_path: Path, says: str) -> None:
    program(tmp_path / "path" / "redis-server", says)
    assert redis(search(tmp_path)) is None
