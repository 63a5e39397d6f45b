"""Raw bytes at the running product: tests/wire/probes.toml says what has to come of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest

from tests.fakes.probing import CLOSE, Heard, probe
from tests.wire.probes import Probe, probes, table

if TYPE_CHECKING:
    from tests.fakes.stack import Stack

PAGE: Final = Path(__file__).parents[2] / "docs" / "server.md"
ALL: Final = probes()


def ask(stack: Stack, each: Probe) -> Heard:
    return probe(urlsplit(stack.base_url).port or 0, each.raw, answers=each.answers)


@pytest.mark.conformance(16, 21, 22)
@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_a_probe_ends_as_the_golden_file_says(stack: Stack, each: Probe) -> None:
    assert ask(stack, each).result == each.ours


@pytest.mark.conformance(1, 4)
@pytest.mark.parametrize("each", [each for each in ALL if each.ours.endswith(CLOSE) and "401" not in each.ours])
def test_what_the_server_refuses_by_itself_has_openais_envelope(stack: Stack, each: Probe) -> None:
    headers, body = ask(stack, each).last
    error = json.loads(body)["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    assert error["message"]
    assert (headers["content-type"], headers["connection"]) == ("application/json", "close")
    assert headers["x-request-id"].startswith("req_")
    assert headers["x-should-retry"] == "false"


def test_the_page_has_the_golden_files_table() -> None:
    assert table(ALL) in PAGE.read_text()
