"""The command line tells what is wrong in a line, whoever's fault it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pylo_site.local.ports import free

ROOT = Path(__file__).parents[2]


def manage(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **settings}  # noqa: TID251 - handed on whole
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_a_database_that_is_away_is_told_in_a_line() -> None:
    done = manage("reconcile", DATABASE_URL=f"postgres://pylo:hunter2@127.0.0.1:{free()}/pylo")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Postgres: couldn't get a connection")
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01", "0001-01-01T00:00+14:00"])
def test_a_moment_that_is_none_is_told_in_a_line(moment: str) -> None:
    done = manage("rebuild_rollups", "--from", moment, "--to", "2026-10-02")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"manage.py rebuild_rollups: error: argument --from: invalid moment value: '{moment}'"
    )


def test_settings_that_do_not_hold_are_told_without_a_traceback() -> None:
    done = manage("check", DATABASE_URL="mysql://u:hunter2@db/pylo")
    assert done.returncode == 1
    assert "pylo.E004: DATABASE_URL is no postgres or postgresql URL.\n    hint: " in done.stderr
    assert "Traceback" not in done.stderr
