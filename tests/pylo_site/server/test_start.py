from __future__ import annotations

import os
import subprocess
import sys

from pylo_site.local.ports import free


def refused(**settings: str) -> str:
    """Start the server with `settings` changed; returns what it said when it refused."""
    words = [sys.executable, "-m", "pylo_site.server", "-p", str(free())]
    done = subprocess.run(words, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_settings_that_do_not_hold_are_told_by_number_and_hint() -> None:
    said = refused(PYLO_SECRET_KEY="short", PYLO_SMTP_PORT="x")
    assert "pylo.E002: PYLO_SECRET_KEY has a value of fewer than 50 characters.\n    hint: " in said
    assert "pylo.E012: " in said


def test_a_database_that_does_not_answer_is_told_by_number_and_hint() -> None:
    said = refused(DATABASE_URL=f"postgresql://pylo@127.0.0.1:{free()}/pylo")
    assert "pylo.E033: Postgres does not answer" in said
    assert "hint: Check DATABASE_URL" in said
