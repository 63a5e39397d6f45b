"""Each check has one number, a row in the operator's table, and a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r'"(?:pylo\.)?(E\d{3})"')
TABLE = re.compile(r"^\| `(E\d{3})` \|", re.MULTILINE)


def numbers(*folders: str) -> set[str]:
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    return {number for file in files for number in NUMBER.findall(file.read_text())}


def in_tests() -> set[str]:
    return {number for file in (ROOT / "tests").rglob("*.py") for number in re.findall(r"E\d{3}\b", file.read_text())}


def test_every_number_is_in_the_operators_table_once() -> None:
    rows = TABLE.findall((ROOT / "docs" / "operations.md").read_text())
    assert rows == sorted(set(rows))
    assert set(rows) == numbers("gateway", "pylo_site")


def test_every_number_is_tested() -> None:
    assert numbers("gateway", "pylo_site") - in_tests() == set()


def test_no_two_settings_share_a_number() -> None:
    code = (ROOT / "pylo_site" / "settings.py").read_text()
    found = NUMBER.findall(code)
    assert found
    assert sorted(found) == sorted(set(found))
