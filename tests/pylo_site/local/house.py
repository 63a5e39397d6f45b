"""Run by the tests as a program: `bin/serve`'s own start with stand-ins for Pylo's processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pylo_site.local import serve
from pylo_site.local.binaries import Search
from pylo_site.local.processes import Process, Site

WAIT = "import time\nprint('waiting', flush=True)\nwhile True: time.sleep(60)"
FALL = "import sys, time\nprint('no more paper', flush=True)\ntime.sleep(0.5)\nsys.exit(3)"


def listed(site: Site, var: Path, environment: object) -> list[Process]:
    web = (sys.executable, "-m", "http.server", str(site.port), "--bind", site.host, "--directory", str(var / "static"))
    found = [Process("web", web), Process("worker", (sys.executable, "-c", WAIT))]
    return [*found, Process("printer", (sys.executable, "-c", FALL))] if "falling" in sys.argv else found


def start() -> int:
    site = Site("127.0.0.1", int(sys.argv[2]), upstream_ports=(1, 2), payments_port=1)
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    search = Search(os.environ["PATH"])
    return serve.Start(site, Path(sys.argv[1]), given, search, listed=listed, preparations=()).run()


if __name__ == "__main__":
    sys.exit(serve.told(start))
