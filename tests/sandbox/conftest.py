"""The sandbox's processes, alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.fakes.process import Process, free_port
from tests.fakes.sandbox import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def sandbox_upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    var = tmp_path_factory.mktemp("upstream")
    port = free_port()
    command = (sys.executable, "-m", "sandbox.upstream", "--port", str(port), "--truth", str(var / "truth.log"))
    pace = ("--tokens-per-second", "1000", "--first-token-ms", "1")
    process = Process.start("upstream", (*command, *pace), env={"PYTHONUNBUFFERED": "1"}, log=var / "log")
    process.await_http(f"http://127.0.0.1:{port}/v1/models")
    yield Upstream(f"http://127.0.0.1:{port}", var / "truth.log")
    process.stop()


@pytest.fixture
def upstream(sandbox_upstream: Upstream) -> Iterator[Upstream]:
    """The running upstream, with no fault waiting before or after the test."""
    sandbox_upstream.heal()
    yield sandbox_upstream
    sandbox_upstream.heal()
