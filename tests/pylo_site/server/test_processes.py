from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from pylo_site.server.processes import Processes

if TYPE_CHECKING:
    import pytest


def test_a_stop_amid_the_start_reaches_those_who_start_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start(_: Processes) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(5)"]))
        if len(started) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return started[-1]

    monkeypatch.setattr(Processes, "_start", start)
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)}
    try:
        assert Processes(("127.0.0.1", 0), 3, []).run() == 1
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    assert [child.returncode for child in started] == [-signal.SIGTERM] * 3
