from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pylo_site.local.places import prepare, reachable, share, unprivileged_uid
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path

as_root = os.geteuid() == 0


def test_the_data_stay_in_var_where_the_engines_may_enter(var: Path) -> None:
    where = prepare(var / "mine")
    assert where.data == where.var == var / "mine"
    assert (where.uid is None) == (not as_root)
    assert not where.elsewhere


def test_the_data_of_root_are_elsewhere_when_its_var_is_closed(var: Path) -> None:
    closed, shared = var / "closed", var / "shared"
    closed.mkdir(mode=0o700)
    where = prepare(closed, shared=shared)
    assert where.elsewhere == as_root
    assert (where.data.parent == shared) == as_root
    assert prepare(closed, shared=shared) == where


def test_a_var_that_cannot_be_made_is_told_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Trouble, match="PYLO_VAR"):
        prepare(tmp_path / "file" / "var")


def test_a_wheel_in_a_closed_folder_is_copied_whole_and_once(var: Path) -> None:
    site, shared = var / "site", var / "shared"
    program = site / "engine" / "a" / "b" / "server"
    program.parent.mkdir(parents=True)
    program.write_text("program")
    (site / "engine.libs").mkdir()
    (site / "engine.libs" / "lib.so").write_text("library")
    (site / "engine-1.2.dist-info").mkdir()
    site.chmod(0o700)
    copy = share(program, unprivileged_uid(), shared=shared)
    assert copy.read_text() == "program"
    assert copy == (shared / "engine-1.2" / "engine" / "a" / "b" / "server" if as_root else program)
    assert not as_root or (shared / "engine-1.2" / "engine.libs" / "lib.so").read_text() == "library"
    assert share(program, unprivileged_uid(), shared=shared) == copy
    assert reachable(copy.parent, unprivileged_uid())
