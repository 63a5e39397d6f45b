"""Fixtures of all tests, and the marks their folders give them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import hypothesis
import pytest

from tests.fakes import stack as product

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from tests.fakes.stack import Stack

HERE: Final = Path(__file__).parent
# Folder → what it is, and how long one of its tests may take, in seconds.
SLOW: Final = {
    "wire": ("real processes on sockets, with the official client", 60),
    "chaos": ("real processes, and lines between them that break", 60),
    "journeys": ("a newcomer's way through the product, in a browser", 180),
}


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.register_profile("pylo", deadline=None)  # a busy machine is no bug
    hypothesis.settings.load_profile("pylo")
    for folder, (what, _) in SLOW.items():
        config.addinivalue_line("markers", f"{folder}: {what}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(HERE).parts[0] if item.path.is_relative_to(HERE) else ""
        if folder in SLOW:
            item.add_marker(folder)
            item.add_marker(pytest.mark.timeout(SLOW[folder][1]))


@pytest.fixture(autouse=True)
def plain_static_files(settings: Settings) -> None:
    """Pages find their static files where they are written, with no collectstatic before."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole product, running; one for all the tests that ask for it."""
    with product.running(tmp_path_factory.mktemp("stack"), environ=os.environ) as running:  # noqa: TID251 - names the engines
        yield running
