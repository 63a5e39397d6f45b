from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = [file for folder in ("accounts", "billing", "gateway", "pylo_site") for file in (ROOT / folder).rglob("*.py")]
NAME = re.compile(r"\b(?:PYLO_[A-Z0-9_]*[A-Z0-9]|DATABASE_URL|REDIS_URL)\b")
READERS_OWN = {"PYLO_API_KEY"}  # in the quickstart: the reader's shell has it, we never read it


def read_by(code: str) -> set[str]:
    """Return the settings that `code` reads: names that are an argument or an index, as in env.text("PYLO_X")."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        words = node.args[:1] if isinstance(node, ast.Call) else [node.slice] if isinstance(node, ast.Subscript) else []
        found |= {word.value for word in words if isinstance(word, ast.Constant) and isinstance(word.value, str)}
    return {name for name in found if NAME.fullmatch(name)}


def settings_read() -> set[str]:
    return {name for file in CODE for name in read_by(file.read_text())}


def settings_known() -> set[str]:
    return {name for file in CODE for name in NAME.findall(file.read_text())}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_a_document_names_only_settings_that_exist(document: Path) -> None:
    assert set(NAME.findall(document.read_text())) - settings_known() - READERS_OWN == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_a_document_names_only_commands_that_exist(document: Path) -> None:
    text = document.read_text()
    ours = set(re.findall(r"(?<![\w./])bin/([a-z]+)", text))
    assert {name for name in ours if not (ROOT / "bin" / name).exists()} == set()
    django = set(re.findall(r"manage\.py ([a-z_]+)", text))
    assert django - set(get_commands()) == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_a_document_links_only_to_files_that_exist(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_setting_the_code_reads_is_in_the_operators_table() -> None:
    table = {name for line in (ROOT / "docs" / "operations.md").read_text().splitlines() for name in NAME.findall(line)}
    assert settings_read() - table == set()


def test_a_setting_that_is_read_is_seen() -> None:
    code = 'a = env.text("PYLO_A")\nb = values["PYLO_B"]\nc = {"PYLO_C": "filled in"}\n'
    assert read_by(code) == {"PYLO_A", "PYLO_B"}
