"""`bin/serve`: the whole product as one command, from the engines to the page in the browser."""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pylo_site.local import binaries, engines, environment, leftovers, migrated, places, ports, processes
from pylo_site.local.children import TAIL, command
from pylo_site.local.lock import Lock
from pylo_site.local.supervisor import Supervisor
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pylo_site.local.processes import Process, Site

ROOT = Path(__file__).resolve().parents[2]
SERVING = 60.0
METRICS = '. var/serve.env; curl -H "Authorization: Bearer $PYLO_METRICS_TOKEN" {url}/metrics'
RUNNING = "bin/serve already runs on {var} (process {{pid}}): stop that one, or give this one a PYLO_VAR of its own."


class Terminated(BaseException):
    """SIGTERM came before the processes ran."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start. Tests hand in another list of processes and other preparations."""

    site: Site
    var: Path
    given: Mapping[str, str]
    search: binaries.Search
    listed: Callable[[Site, Path, Mapping[str, str]], list[Process]] = processes.listed
    preparations: Sequence[str] = ("migrate", "collectstatic")
    root: Path = ROOT

    def run(self) -> int:
        began = time.monotonic()
        if self.site.upstream_ports:
            say("no upstream key and no Stripe key configured: the sandbox stands in for upstreams, payments and mail")
        where = places.prepare(self.var)
        lock = Lock(self.var / "serve.lock", RUNNING.format(var=self.var))
        try:
            ports.require(self.site.host, self.site.port)
            if ended := leftovers.end(where.run):
                say(f"ended {ended} process(es) that an earlier start had left")
            if where.elsewhere:
                say(f"the engines' user cannot enter {self.var}: their data are in {where.data}")
            return self._with_engines(where, began)
        finally:
            lock.release()

    def _with_engines(self, where: places.Places, began: float) -> int:
        with engines.running(where, self.given, search=self.search, say=say) as running:
            told = ", ".join(each.name for each in running.running) or "named by DATABASE_URL and REDIS_URL"
            say(f"engines: {told}")
            try:
                settings = environment.completed(self.given, self.site, self.var, running)
                environment.keep(settings, self.var / "serve.env")
                self._prepare(settings)
                return self._supervise(where, settings, running, began)
            finally:  # the engines stop next: a second Ctrl-C must not leave one of them behind
                for signum in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(signum, signal.SIG_IGN)

    def _prepare(self, settings: dict[str, str]) -> None:
        url, wanted = settings["DATABASE_URL"], migrated.mark(self.root)
        if "migrate" in self.preparations and migrated.remembered(url) != wanted:
            say("migrations")
            self._manage(settings, "migrate", "--noinput", "--verbosity", "0")
            migrated.remember(url, wanted)
        stamp, now = self.var / "static" / ".stamp", fingerprint(self.root)
        if "collectstatic" in self.preparations and (not stamp.exists() or stamp.read_text() != now):
            say("static files")
            self._manage(settings, "collectstatic", "--noinput", "--verbosity", "0")
            stamp.write_text(now)

    def _manage(self, settings: dict[str, str], *words: str) -> None:
        done = subprocess.run(  # noqa: S603 - our own command
            command([sys.executable, self.root / "manage.py", *words]),
            cwd=self.root,
            env=settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            start_new_session=True,
        )
        if done.returncode:
            said = "\n".join(f"    {line}" for line in done.stdout.strip().splitlines()[-TAIL:])
            raise Trouble(f"manage.py {words[0]} failed:\n{said}")

    def _supervise(self, where: places.Places, settings: dict[str, str], running: engines.Engines, began: float) -> int:
        listed = self.listed(self.site, self.var, settings)
        supervisor = Supervisor(listed, settings, root=self.root, run=where.run)
        for engine in running.running:
            supervisor.watch(engine)
        supervisor.when_started(lambda: self._announce(supervisor, settings, began))
        say(f"processes: {', '.join(each.name for each in listed)}")
        supervisor.loop()
        if supervisor.fallen:
            raise Trouble(f"{supervisor.fallen}: the lines above say why; everything was stopped.")
        return 130 if supervisor.returncode == 128 + signal.SIGINT else 0

    def _announce(self, supervisor: Supervisor, settings: Mapping[str, str], began: float) -> None:
        while not listening(self.site):
            if supervisor.ending:
                return
            if time.monotonic() - began > SERVING:
                supervisor.say(f"nothing listens on port {self.site.port} yet: see the lines of web")
                return
            time.sleep(0.05)
        for line in summary(self.site, settings, time.monotonic() - began):
            supervisor.say(line)


def say(line: str) -> None:
    print(f"· {line}", flush=True)


def listening(site: Site) -> bool:
    try:
        socket.create_connection((site.reach, site.port), timeout=1).close()
    except OSError:
        return False
    return True


def summary(site: Site, settings: Mapping[str, str], seconds: float) -> list[str]:
    url = settings["PYLO_PUBLIC_URL"].rstrip("/")
    lines = [
        f"Pylo is up after {seconds:.1f} s",
        f"  portal    {url}/",
        f"  API base  {settings.get('PYLO_API_BASE_URL') or url + '/v1'}",
        f"  status    {url}/status/",
        f"  metrics   {METRICS.format(url=url)}",
    ]
    if site.payments_port:
        lines += [f"  outbox    {url}/outbox/   (mail lands here: no mail server is used)"]
    if site.upstream_ports:
        lines += ["  sandbox   answers are made up, money is play money; PYLO_UPSTREAMS names real upstreams"]
        where = " and ".join(f"127.0.0.1:{port}" for port in site.upstream_ports)
        lines += [f"            its upstreams are {where} (docs/operations.md: try an outage)"]
    return [*lines, "  stop      Ctrl-C"]


def fingerprint(root: Path) -> str:
    """Return what the static files and the packages that bring some look like: names, sizes, times, pins."""
    files = sorted(each for each in (root / "static").rglob("*") if each.is_file())
    told = "".join(f"{each} {each.stat().st_size} {each.stat().st_mtime_ns}\n" for each in files)
    return hashlib.sha256(told.encode() + (root / "requirements.txt").read_bytes()).hexdigest()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/serve", description="Run the whole of Pylo on this machine.")
    parser.add_argument("--port", type=int, default=8000, help="the portal's and the API's port (8000)")
    parser.add_argument("--host", default=ports.LOOPBACK, help="the address to listen on (127.0.0.1)")
    parser.add_argument("--processes", type=int, default=1, help="how many web servers share the port (1)")
    return parser.parse_args()


def _stop(signum: int, frame: object) -> NoReturn:  # noqa: ARG001 - the signature is Python's
    raise Terminated


def told(start: Callable[[], int]) -> int:
    """Run `start` and return the exit code; what stops it is told in a line, without a traceback."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with it ignored
    try:
        return start()
    except Trouble as trouble:
        print(f"bin/serve: {trouble}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    except Terminated:
        return 0


def main() -> int:
    options, given = _arguments(), os.environ
    upstream, rest = environment.sandboxed(given)
    site = processes.Site(
        options.host,
        options.port,
        tuple(ports.free() for _ in processes.UPSTREAMS) if upstream else (),
        ports.free() if rest else None,
        options.processes,
    )
    var = (ROOT / (given.get("PYLO_VAR") or "var")).resolve()
    search = binaries.Search(given.get("PATH", ""), use=given.get("PYLO_ENGINES") or "auto")
    return Start(site, var, given, search).run()


if __name__ == "__main__":
    sys.exit(told(main))
