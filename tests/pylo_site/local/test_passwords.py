from __future__ import annotations

from typing import TYPE_CHECKING

from pylo_site.local.passwords import NAMES, read_or_make

if TYPE_CHECKING:
    from pathlib import Path


def test_secrets_are_made_once_and_are_the_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    made = read_or_make(file)
    assert set(made) == set(NAMES)
    assert len(set(made.values())) == len(NAMES)
    assert min(len(value) for value in made.values()) >= 50
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_or_make(file) == made


def test_a_secret_that_is_new_joins_the_old_ones(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    file.write_text("# kept by hand\nPYLO_SECRET_KEY=mine\n")
    assert read_or_make(file)["PYLO_SECRET_KEY"] == "mine"
    assert read_or_make(file) == read_or_make(file)
