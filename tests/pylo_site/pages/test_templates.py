"""The content security policy allows no inline style or script; a template that had one would silently lose it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

TEMPLATES = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))
STATIC = Path(settings.BASE_DIR, "static")
STYLES = [
    path for path in sorted(STATIC.glob("css/*.css")) if not path.stem.endswith("_admin")
]  # those are beside Django's own
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\bsrc=)", re.IGNORECASE)
ELSEWHERE = re.compile(r"""(?:src|href|action)=["'](?:https?:)?//""")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: "/".join(path.parts[-3:]))
def test_a_template_has_nothing_inline_and_loads_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    assert INLINE.findall(text) == []
    assert ELSEWHERE.findall(text) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: "/".join(path.parts[-3:]))
def test_a_template_does_not_shout(path: Path) -> None:
    assert re.findall(r"\w!(?=[\s<]|$)", path.read_text("utf-8")) == []


def test_styles_and_scripts_stay_small() -> None:
    assert sum(path.stat().st_size for path in STYLES) < 36_000
    assert sum(path.stat().st_size for path in STATIC.glob("js/*.js")) < 5_000


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_only_the_tokens_name_a_colour(path: Path) -> None:
    if path.name != "tokens.css":
        assert re.findall(r"#[0-9a-f]{3,8}\b", path.read_text("utf-8")) == []
