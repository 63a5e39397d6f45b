"""`bin/test`: pytest on private engines under var/test, with settings that depend on nobody's shell.

`bin/test --clients [name …]` runs tests/clients instead, under var/clients; `bin/test --chaos [name …]` the long form
of tests/chaos, under var/chaos; `bin/test --kill-loop SECONDS` that of tests/killloop; `bin/test --seeds N [--seed S]`
plays N seeds of tests/simulation, without engines.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pylo_site.local import binaries, engines, leftovers, places
from pylo_site.local.environment import SETTING
from pylo_site.local.lock import Lock
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BUSY = "another run of it uses {var} (process {{pid}}): wait for it, or give this one a PYLO_VAR of its own."
SETTINGS = {
    "PYLO_SECRET_KEY": "a-secret-key-of-the-tests-that-protects-nothing-at-all",
    "PYLO_KEY_PEPPERS": "a-pepper-of-the-tests-that-protects-nothing",
    "PYLO_RECEIPT_KEYS": "5ec7e7" * 10 + "0123",
    "PYLO_SANDBOX": "1",
    "PYLO_LOG_FORMAT": "console",
}


@contextmanager
def engines_for(command: str, given: Mapping[str, str], *, durable: bool = False) -> Iterator[dict[str, str]]:
    """Yield the environment of `command`: the tests' settings, and the engines named in `given` or private ones."""
    var = (ROOT / (given.get("PYLO_VAR") or "var") / command).resolve()
    where = places.prepare(var)
    lock = Lock(var / "lock", BUSY.format(var=var))
    try:
        leftovers.end(where.run)
        search = binaries.Search(given.get("PATH", ""), use=given.get("PYLO_ENGINES") or "auto")
        with engines.running(where, given, search=search, say=say, durable=durable) as running:
            own = {name: value for name, value in given.items() if not name.startswith(SETTING)}
            paths = {"PYLO_JOURNAL_DIR": "journal", "PYLO_OUTBOX_DIR": "outbox", "PYLO_STATIC_ROOT": "static"}
            settings = SETTINGS | {name: str(var / folder) for name, folder in paths.items()}
            yield own | settings | {"DATABASE_URL": running.database_url, "REDIS_URL": running.redis_url}
    finally:
        lock.release()


def say(line: str) -> None:
    print(f"· {line}", flush=True)


def browser(given: Mapping[str, str]) -> None:
    """Install a browser where we may; else say how, and let the tests that need one fail."""
    if any(shutil.which(name, path=given.get("PATH")) for name in BROWSERS):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get", path=given.get("PATH")):
        say("no Chromium: the browser tests will fail. Install it (Debian: sudo apt-get install chromium).")
        return
    say("installing Chromium for the browser tests (apt-get install chromium)")
    _apt_get(given, "update")
    done = _apt_get(given, "install", "--yes", "--no-install-recommends", "chromium")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        say(f"Chromium could not be installed, the browser tests will fail: {last}")


def _apt_get(given: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - fixed words
        ["apt-get", "-qq", *words],  # noqa: S607 - the machine's own
        env={**given, "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        check=False,
    )


def _terminate(signum: int, frame: object) -> None:  # noqa: ARG001 - the signature is Python's
    raise KeyboardInterrupt


def _pytest(given: Mapping[str, str], words: list[str]) -> int:
    browser(given)
    with engines_for("test", given) as settings:
        return _python(settings, "-m", "pytest", *words)


def _clients(given: Mapping[str, str], names: list[str]) -> int:
    with engines_for("clients", given) as settings:
        return _python(settings, "-m", "tests.clients", *names)


def _chaos(given: Mapping[str, str], names: list[str]) -> int:
    with engines_for("chaos", given) as settings:
        return _python(settings, "-m", "tests.chaos", *names)


def _kill_loop(given: Mapping[str, str], words: list[str]) -> int:
    with engines_for("killloop", given) as settings:
        return _python(settings, "-m", "tests.killloop", *words)


def _seeds(given: Mapping[str, str], words: list[str]) -> int:
    return _python(given, "-m", "tests.simulation", *words)


def _python(settings: Mapping[str, str], *words: str) -> int:
    return subprocess.run([sys.executable, *words], cwd=ROOT, env=settings, check=False).returncode  # noqa: S603 - our own


COMMANDS = {"--clients": _clients, "--chaos": _chaos, "--kill-loop": _kill_loop, "--seeds": _seeds}


def main() -> int:
    given = dict(os.environ)
    signal.signal(signal.SIGTERM, _terminate)
    words = sys.argv[1:]
    try:
        command = COMMANDS.get(words[0]) if words else None
        return command(given, words[1:]) if command is not None else _pytest(given, words)
    except Trouble as trouble:
        print(f"bin/test: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
