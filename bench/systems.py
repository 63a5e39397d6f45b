"""The systems side by side: each relays to the mock upstream, on a core that it has to itself."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench import programs
from bench.load import MODEL, WORKLOADS
from bench.processes import Process, await_answer, running
from pylo_site.local import ports
from pylo_site.local.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PASSED_ON = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
DIRECT, NGINX, LITELLM, PYLO = "direct", "nginx", "litellm", "pylo"
NGINX_CONFIGURATION = """\
daemon off;
master_process off;
pid {run}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {run}/client;
  proxy_temp_path {run}/proxy;
  fastcgi_temp_path {run}/fastcgi;
  uwsgi_temp_path {run}/uwsgi;
  scgi_temp_path {run}/scgi;
  keepalive_requests 1000000000;
  upstream mock {{ server {loopback}:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen {loopback}:{port};
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""
LITELLM_CONFIGURATION = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/kimi-k2.6
      api_base: http://{loopback}:{upstream}/v1
      api_key: mock
general_settings:
  master_key: {key}
"""


@dataclass(frozen=True, slots=True)
class System:
    """Something that answers on a port. `process` is None where nothing stands between load and upstream."""

    name: str
    port: int
    key: str = field(default="none", repr=False)
    process: Process | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """Where things are: files, the mock's port, the cores, and what of our environment is handed on."""

    var: Path
    upstream: int
    core: int
    other_core: int
    environ: Mapping[str, str]

    @property
    def run(self) -> Path:
        return self.var / "bench-run"

    @property
    def bare(self) -> dict[str, str]:
        """What others are given of our environment: LiteLLM would take our database for its own."""
        return {name: self.environ[name] for name in PASSED_ON if name in self.environ}


def awaited(process: Process, port: int, key: str) -> System:
    """Return the system once it answers both ways of asking."""
    for workload in (WORKLOADS[0], WORKLOADS[1]):
        await_answer(process, port, key, workload.body)
    return System(process.name, port, key, process)


@contextmanager
def mock(program: Path, bench: Bench) -> Iterator[System]:
    words = [str(program), str(bench.upstream)]
    log = bench.run / "mock.log"
    with running("mock", words, env=bench.bare, core=bench.other_core, log=log) as process:
        await_answer(process, bench.upstream, "none", WORKLOADS[0].body)
        yield System(DIRECT, bench.upstream)


@contextmanager
def nginx(bench: Bench) -> Iterator[System]:
    program, port = programs.nginx(bench.var), ports.free()
    configuration = bench.run / "nginx.conf"
    configuration.write_text(
        NGINX_CONFIGURATION.format(run=bench.run, loopback=LOOPBACK, port=port, upstream=bench.upstream)
    )
    words = [str(program), "-p", str(bench.run), "-c", str(configuration)]
    with running(NGINX, words, env=bench.bare, core=bench.core, log=bench.run / "nginx.log") as process:
        yield awaited(process, port, "none")


@contextmanager
def litellm(bench: Bench) -> Iterator[System]:
    """One worker, without the database: it checks the key, and keeps no record of what it served."""
    folder, port, key = programs.from_requirements(LITELLM, bench.var), ports.free(), f"sk-{secrets.token_hex(16)}"
    configuration = bench.run / "litellm.yaml"
    configuration.write_text(
        LITELLM_CONFIGURATION.format(model=MODEL, loopback=LOOPBACK, upstream=bench.upstream, key=key)
    )
    words = [str(folder / "litellm"), "--config", str(configuration), "--host", LOOPBACK, "--port", str(port)]
    quiet = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    env = {**bench.bare, **quiet, "LITELLM_MASTER_KEY": key}
    log = bench.run / "litellm.log"
    with running(LITELLM, [*words, "--num_workers", "1"], env=env, core=bench.core, log=log) as process:
        yield awaited(process, port, key)
