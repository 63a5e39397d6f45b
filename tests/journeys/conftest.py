"""A real browser for the journeys: Debian's Chromium under Playwright. Where it is missing, the journeys fail."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import Page, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run")
WIDE: Final = {"width": 1280, "height": 900}


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A fresh browser profile, failing the test at any error of a page's scripts or its content policy."""
    chromium = shutil.which("chromium")
    assert chromium, "there is no chromium on PATH: run bin/test as root on Debian, or install it yourself"
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_context(viewport=WIDE, accept_downloads=True).new_page()  # type: ignore[arg-type]  # a dict is what it takes
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        yield page
        page.screenshot(path=tmp_path / "last.png")
        browser.close()
    assert errors == []
