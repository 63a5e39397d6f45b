"""Pylo as it is deployed: its server, Postgres and Redis, a real key, the journal on disk, the shipper beside it."""

from __future__ import annotations

import secrets
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.processes import ROOT, pinned, running
from bench.systems import PYLO, Bench, System, awaited
from pylo_site.local import ports
from pylo_site.local.ports import LOOPBACK
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UPSTREAMS = """\
[[upstream]]
name = "mock"
dialect = "moonshot"
base_url = "http://{loopback}:{port}/v1"
key_env = "PYLO_UPSTREAM_MOCK_KEY"
model = "kimi-k2.6"
"""
MEMBER = "from bench import member; member.make()"


@contextmanager
def pylo(bench: Bench) -> Iterator[System]:
    """The server alone is on the core that is measured; what it hands on to is on the other."""
    port = ports.free()
    env = _environment(bench, port)
    _manage(bench, env, "migrate", "--verbosity", "0")
    key = _manage(bench, env, "shell", "--no-imports", "-c", MEMBER).splitlines()[-1]
    serve = [sys.executable, "-m", "pylo_site.server", "-b", LOOPBACK, "-p", str(port)]
    ship = [sys.executable, "manage.py", "ship"]
    with (
        running(PYLO, serve, env=env, core=bench.core, log=bench.run / "pylo.log") as server,
        running("shipper", ship, env=env, core=bench.other_core, log=bench.run / "shipper.log"),
    ):
        yield awaited(server, port, key)


def _environment(bench: Bench, port: int) -> dict[str, str]:
    upstreams = bench.run / "upstreams.toml"
    upstreams.write_text(UPSTREAMS.format(loopback=LOOPBACK, port=bench.upstream))
    return {
        **bench.environ,
        "DJANGO_SETTINGS_MODULE": "pylo_site.settings",
        "PYTHONUNBUFFERED": "1",
        "PYLO_SECRET_KEY": secrets.token_hex(32),
        "PYLO_KEY_PEPPERS": secrets.token_hex(32),
        "PYLO_RECEIPT_KEYS": secrets.token_hex(32),
        "PYLO_LOG_FORMAT": "json",
        "PYLO_PUBLIC_URL": f"http://{LOOPBACK}:{port}",
        "PYLO_UPSTREAMS": str(upstreams),
        "PYLO_UPSTREAM_MOCK_KEY": "mock",
    }


def _manage(bench: Bench, env: Mapping[str, str], *words: str) -> str:
    with pinned(bench.other_core):
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "manage.py", *words], cwd=ROOT, env=dict(env), capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise Trouble(f"manage.py {words[0]} failed:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
