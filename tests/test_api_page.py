"""docs/api.md knows every parameter that is read, every path that is answered and every code an error may have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.cors import READABLE
from gateway.errors import ApiError
from gateway.routes import Route
from gateway.schema import Chat
from gateway.validation import EFFORTS, FORMATS, INTEGERS, NUMBERS

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"`([^`\n]+)`", PAGE))
ROWS = re.findall(r"^\| (\d{3}) \| `([a-z_]+)` \| ([^|]+) \| ([^|]+) \|", PAGE, re.MULTILINE)
SOURCES = [file.read_text() for folder in ("gateway", "pylo_site/server") for file in (ROOT / folder).rglob("*.py")]
BY_NAME = r'code="([a-z_]+)"'
BY_PLACE = r'Refusal\(\s*HTTPStatus\.\w+, "([a-z_]+)"'
RAISED = re.compile(rf'{BY_NAME}|{BY_PLACE}|"(unsupported_value|string_above_[a-z_]+)"')


def every(kind: type[ApiError]) -> list[type[ApiError]]:
    """Return what an error may be; `kind` itself is left out, since nothing raises it."""
    return [child for one in kind.__subclasses__() for child in (one, *every(one))]


def test_every_parameter_that_is_read_is_on_the_page() -> None:
    assert set(Chat.__struct_fields__) - WORDS == set()


@pytest.mark.parametrize("words", [EFFORTS, FORMATS, [name for name, *_ in (*INTEGERS, *NUMBERS)]])
def test_every_value_that_is_known_is_on_the_page(words: list[str]) -> None:
    assert set(words) - WORDS == set()


def test_every_path_is_on_the_page() -> None:
    assert {route.value for route in Route} - WORDS == set()


def test_every_code_that_is_sent_is_on_the_page() -> None:
    sent = {code for text in SOURCES for found in RAISED.findall(text) for code in found if code}
    sent |= {kind.code for kind in every(ApiError)}
    assert {"invalid_json", "url_too_long", "unsupported_value"} <= sent
    assert sent - WORDS == set()


@pytest.mark.parametrize("kind", every(ApiError))
def test_an_errors_row_has_its_status_and_type(kind: type[ApiError]) -> None:
    found = [(status, named) for status, named, codes, _ in ROWS if f"`{kind.code}`" in codes]
    assert (str(kind.status), kind.type) in found


def test_what_sdks_repeat_by_themselves_is_said_as_it_is_sent() -> None:
    for status, _, codes, again in ROWS:
        kinds = [kind for kind in every(ApiError) if f"`{kind.code}`" in codes and str(kind.status) == status]
        assert {kind.should_retry for kind in kinds} <= {again.strip() in {"yes", "after the wait"}}, codes


def test_a_pages_readable_headers_are_told() -> None:
    own = {name for name in READABLE if not name.startswith("x-ratelimit-")}
    assert own - WORDS == set()


def test_the_errors_page_names_only_codes_that_are_sent() -> None:
    page = (ROOT / "templates" / "pages" / "errors.html").read_text()
    cells = re.findall(r'data-label="Code">([^<]+)<', page)
    named = {code for cell in cells for code in re.findall(r"[a-z_]{4,}", cell)}
    assert named - WORDS == set()
    assert {"invalid_api_key", "insufficient_quota", "rate_limit_exceeded", "upstream_error", "unavailable"} <= named
