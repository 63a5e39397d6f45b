from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.breaker.settings import BreakerSettings
from tests.fakes.asgi import Caller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_django import Settings

    from gateway.asgi import Receive, Scope, Send

ROOT = Path(__file__).parents[2]
UPSTREAMS = """
[[upstream]]
name = "sandbox"
dialect = "moonshot"
base_url = "http://127.0.0.1:9/v1"
key_env = "SANDBOX_KEY"
model = "kimi-k2.6"
"""


class Half:
    """One half of the site: notes the paths it was given, and the last scope."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.scope: Scope = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        self.paths.append(scope["path"])
        self.scope = scope


@pytest.fixture
def upstreams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    path = tmp_path / "upstreams.toml"
    path.write_text(UPSTREAMS)
    monkeypatch.setenv("SANDBOX_KEY", "k")
    settings.PYLO_UPSTREAMS = path


async def test_only_v1_and_the_probes_go_to_the_gateway(upstreams: None) -> None:
    from pylo_site.asgi import Site  # noqa: PLC0415 - it reads the upstreams' file when imported

    gateway, portal = Half(), Half()
    call = Caller(Site(gateway, portal, secure=False))
    ours = ["/v1", "/v1/models", "//v1//models", "/health", "/ready/", "/metrics"]
    others = ["/", "//", "/v10", "/v1models", "/keys/", "/healthy", "/metrics.json", "/a/v1/models"]
    for path in (*ours, *others):
        await call("GET", path)
    assert (gateway.paths, portal.paths) == (ours, others)


class Misled(Caller):
    """A client whose headers name a root and a scheme, as Daphne and some proxies take them."""

    def scope(self, method: str, path: str, headers: Sequence[tuple[str, str]]) -> Scope:
        return {**super().scope(method, path, headers), "scheme": "http", "root_path": "//evil.example"}


@pytest.mark.parametrize(("secure", "scheme"), [(True, "https"), (False, "http")])
async def test_root_and_scheme_of_the_portal_are_the_settings_not_the_clients(
    upstreams: None,
    secure: bool,  # noqa: FBT001 - a parameter of the test
    scheme: str,
) -> None:
    from pylo_site.asgi import Site  # noqa: PLC0415 - as above

    portal = Half()
    await Misled(Site(Half(), portal, secure=secure))("GET", "/keys/")
    assert (portal.scope["root_path"], portal.scope["scheme"]) == ("", scheme)


def test_the_gateway_is_given_the_sites_settings(upstreams: None, settings: Settings) -> None:
    from pylo_site.asgi import gateway_config  # noqa: PLC0415 - as above

    settings.PYLO_FIRST_TOKEN_SECONDS, settings.PYLO_IDLE_SECONDS = 3, 4
    settings.PYLO_KEEP_ALIVE_SECONDS, settings.PYLO_ANSWER_SECONDS = 5, 6
    settings.PYLO_MOST_IN_FLIGHT, settings.PYLO_LOOP_LAG_MS, settings.PYLO_BODY_MEMORY_BYTES = 7, 500, 2**20
    settings.PYLO_BREAKER, settings.PYLO_PROCESSES = BreakerSettings(run=3), 8
    config = gateway_config()
    assert (config.breaker, config.processes) == (BreakerSettings(run=3), 8)
    assert (config.most_in_flight, config.bounds.lag, config.bounds.body_bytes) == (7, 0.5, 2**20)
    assert (config.model, [upstream.name for upstream in config.upstreams]) == ("moonshotai/kimi-k2.6", ["sandbox"])
    assert (config.deadlines.first_token, config.deadlines.idle) == (3, 4)
    assert (config.deadlines.keep_alive, config.deadlines.total) == (5, 6)
    assert config.max_body_bytes == 4 * 2**20
    assert "pepper" not in repr(config).replace("peppers", "")
    secret = config.idempotency_secret
    assert (len(secret), secret == settings.SECRET_KEY.encode()) == (32, False)
    assert "secret" not in repr(config)


def test_the_gateway_runs_without_django() -> None:
    code = "import sys, gateway.runtime; sys.exit(' '.join(name for name in sys.modules if name.startswith('django')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_the_site_does_not_start_without_upstreams(tmp_path: Path) -> None:
    environ = {**os.environ, "PYLO_UPSTREAMS": str(tmp_path / "none.toml")}  # noqa: TID251 - handed on whole
    command = [sys.executable, "-c", "import pylo_site.asgi"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pylo.E101" in done.stderr
