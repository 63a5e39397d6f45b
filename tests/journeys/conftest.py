"""A real browser for the journeys: Debian's Chromium under Playwright. Where it is missing, the journeys fail."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from pylo_site.local.tests import BROWSERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run")
WIDE: Final = {"width": 1280, "height": 900}


@pytest.fixture
def browser() -> Iterator[Browser]:
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert chromium, "there is no chromium on PATH: run bin/test as root on Debian, or install it yourself"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A fresh browser profile, failing the test at any error of a page's scripts or its content policy."""
    errors: list[str] = []
    page = browser.new_context(viewport=WIDE, accept_downloads=True).new_page()  # type: ignore[arg-type]  # a dict is what it takes
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    page.screenshot(path=tmp_path / "last.png")
    assert errors == []


@pytest.fixture
def scriptless(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A fresh browser profile with JavaScript switched off."""
    page = browser.new_context(java_script_enabled=False, accept_downloads=True).new_page()
    page.set_default_timeout(15_000)
    yield page
    page.screenshot(path=tmp_path / "last.png")
