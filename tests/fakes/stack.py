"""The product as it runs: its real processes on free ports, over a fresh database, with the sandbox around them."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.fakes import engines
from tests.fakes.process import PAUSE, ROOT, Process, free_port
from tests.fakes.sandbox import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

T = TypeVar("T")

DOLLAR = 1_000_000_000  # nano-dollars
PASSED_ON = ("PATH", "HOME")  # a run of the tests depends on nothing else of the shell
FIRST_TOKEN_SECONDS = IDLE_SECONDS = 2  # shorter than the product's own: the tests wait for them
PATIENCE = 10.0  # seconds for what happens in the background
# Faults of tests follow each other on the same servers: none of them trips a breaker or throttles an upstream, and no
# request goes to the second upstream only to keep it warm. What breakers do is tested where they are not so calm.
NEVER = ("run", "burst_calls", "rate_calls", "few_weight", "timeouts", "slow_calls", "slow_run", "suspect_calls")
CALM = " ".join(f"{name}=1000000" for name in NEVER)
CALM += " places_cut=1 places_throttled=1 warm_share=0"
HEEDLESS = f"{CALM} throttled_longest=0.001"
# Where servers have a Redis of their own, nobody else tells there what it holds: none is to wait for another's number.
APART = """
CREATE SCHEMA {name};
CREATE TABLE {name}.billing_journalwriter (LIKE public.billing_journalwriter INCLUDING ALL);
"""
ORDER = ("first", "second")  # names of a server's upstreams
UPSTREAM = """\
[[upstream]]
name = "{name}"
dialect = "{dialect}"
base_url = "{url}"
key_env = "PYLO_UPSTREAM_SANDBOX_KEY"
model = "kimi-k2.6"
priority = {priority}
"""


@dataclass(frozen=True, slots=True)
class Member:
    """A user who owns a workspace with credit, and its key in clear."""

    email: str
    password: str
    workspace: str
    key_id: str
    key: str = field(repr=False)
    credit: int  # dollars it began with


class Stack:
    """Handles to a running product. `running()` starts one and ends it."""

    def __init__(self, env: Mapping[str, str], var: Path, upstream: Upstream) -> None:
        self.env = dict(env)
        self.var = var
        self.upstream = upstream
        self.base_url = self.env["PYLO_PUBLIC_URL"]
        self.api_base = f"{self.base_url}/v1"
        self.payments_url = self.env["PYLO_PAYMENTS_URL"]
        self.processes: list[Process] = []
        self._served: dict[tuple[Any, ...], str] = {}

    def start(self, name: str, *command: str, env: Mapping[str, str] | None = None) -> Process:
        """Start one more process of the product, `python` before `command`; it ends with the stack."""
        log = self.var / f"{name}.log"
        process = Process.start(name, (sys.executable, *command), env={**self.env, **(env or {})}, log=log)
        self.processes.append(process)
        return process

    def serve(self, name: str, port: int, env: Mapping[str, str] | None = None, *options: str) -> Process:
        """Start a server and return when it answers."""
        where = ("-b", "127.0.0.1", "-p", str(port))
        server = self.start(name, "-m", "pylo_site.server", *where, *options, env=env)
        server.await_http(f"http://127.0.0.1:{port}/v1/models")
        return server

    def served_by(self, *dialects: str, **settings: str) -> str:
        """Return the API's base URL of a server beside the main one, with its own upstreams and settings.

        Its upstreams are named as in `ORDER` and are all the one sandbox, each in its dialect; a fault that is queued
        there meets the first call. There is one server for each configuration, until the stack ends.
        """
        asked = (dialects, tuple(sorted(settings.items())))
        if asked not in self._served:
            port, number = free_port(), len(self._served) + 1
            file = self.var / f"upstreams-{number}.toml"
            file.write_text(upstreams(self.upstream, dict(zip(ORDER, dialects, strict=False))))
            self.serve(f"server-{number}", port, {"PYLO_UPSTREAMS": str(file), **settings})
            self._served[asked] = f"http://127.0.0.1:{port}/v1"
        return self._served[asked]

    def start_celery(self) -> None:
        self.start("worker", "-m", "celery", "-A", "pylo_site", "worker", "--concurrency", "1")
        self.start("beat", "-m", "celery", "-A", "pylo_site", "beat", "--schedule", str(self.var / "beat"))

    def manage(self, *args: str) -> str:
        """Run `manage.py` to its end and return what it wrote."""
        done = subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"manage.py {args[0]} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.env["DATABASE_URL"], autocommit=True) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def apart(self, name: str) -> str:
        """Return the database's URL for servers with a Redis of their own, or none, which are a fleet by themselves.

        They enter and look for processes in a register of their own: nobody else waits for what they hold, nor they.
        """
        with psycopg.connect(self.env["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(sql.SQL(APART).format(name=sql.Identifier(name)))
        return f"{self.env['DATABASE_URL']}?options={quote(f'-c search_path={name},public')}"

    def member(self, *, credit: int = 100) -> Member:
        """Make a user, verified, who owns a workspace with `credit` dollars and a key."""
        return self.members(1, credit=credit)[0]

    def members(self, count: int, *, credit: int = 100) -> list[Member]:
        """Make so many at once: to start Django takes longer than all else here."""
        logins = [(f"{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(16)) for _ in range(count)]
        code = "; ".join(f"members.make({email!r}, {password!r}, {credit * DOLLAR})" for email, password in logins)
        made = [json.loads(line) for line in self._inside(code).splitlines()[-count:]]
        return [
            Member(email, password, one["workspace"], one["key"], one["secret"], credit)
            for (email, password), one in zip(logins, made, strict=True)
        ]

    def revoke(self, member: Member) -> None:
        """Revoke the member's key as the portal does; it is committed when this returns."""
        self._inside(f"members.revoke({member.key_id!r})")

    def eventually(self, what: Callable[[], T], *, within: float = PATIENCE) -> T:
        """Call `what` until it gives something; fail, and show the logs, if that is never."""
        deadline = time.monotonic() + within
        while not (found := what()):
            if time.monotonic() > deadline:
                for process in self.processes:
                    process.show()
                raise AssertionError(f"nothing after {within:g} s")
            time.sleep(PAUSE)
        return found

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.stop()

    def _inside(self, code: str) -> str:
        return self.manage("shell", "--no-imports", "-c", f"from tests.fakes import members; {code}")


def upstreams(at: Upstream, dialects: Mapping[str, str]) -> str:
    """Write the file of upstreams: their names and dialects, the first one tried first."""
    tables = [
        UPSTREAM.format(name=name, dialect=dialect, url=at.base_url(dialect), priority=priority)
        for priority, (name, dialect) in enumerate(dialects.items(), 1)
    ]
    return "\n".join(tables)


@contextmanager
def running(var: Path, *, environ: Mapping[str, str], tokens_per_second: int = 2000) -> Iterator[Stack]:
    """Start the product with its files under `var`, on the servers that `environ` names; stop all of it at the end."""
    with (
        engines.database(environ["DATABASE_URL"]) as database,
        engines.redis_number(environ["REDIS_URL"]) as redis,
        running_on(
            var, environ={**environ, "DATABASE_URL": database, "REDIS_URL": redis}, tokens_per_second=tokens_per_second
        ) as stack,
    ):
        yield stack


@contextmanager
def running_on(var: Path, *, environ: Mapping[str, str], tokens_per_second: int = 2000) -> Iterator[Stack]:
    """Start it on an empty database and Redis number, by their URLs."""
    with ExitStack() as cleanup:
        port, upstream_port, payments_port = free_port(), free_port(), free_port()
        env = {
            **_environment(var, port, payments_port),
            **{name: environ[name] for name in PASSED_ON if name in environ},
            **{name: environ[name] for name in ("DATABASE_URL", "REDIS_URL")},
        }
        upstream = Upstream(f"http://127.0.0.1:{upstream_port}", var / "truth.log")
        stack = Stack(env, var, upstream)
        cleanup.callback(stack.stop)
        for folder in ("journal", "outbox", "static", "tmp"):
            (var / folder).mkdir()
        (var / "upstreams.toml").write_text(upstreams(upstream, {"sandbox": "moonshot"}))
        _start_sandbox(stack, upstream_port, payments_port, tokens_per_second)
        stack.manage("migrate", "--verbosity", "0")
        shipper = stack.start("ship", "manage.py", "ship")
        stack.serve("server", port)
        shipper.must_run_for(PAUSE)
        yield stack


def _start_sandbox(stack: Stack, upstream_port: int, payments_port: int, tokens_per_second: int) -> None:
    pace = ("--tokens-per-second", str(tokens_per_second), "--first-token-ms", "5")
    truth = ("--truth", str(stack.var / "truth.log"))
    upstream = stack.start("upstream", "-m", "sandbox.upstream", "--port", str(upstream_port), *truth, *pace)
    webhook = f"{stack.base_url}/billing/webhooks/payments/"
    secret = stack.env["PYLO_PAYMENTS_SECRET"]
    paying = ("--port", str(payments_port), "--secret", secret, "--webhook", webhook)
    payments = stack.start("payments", "-m", "sandbox.payments", *paying)
    upstream.await_http(f"{stack.upstream.url}/v1/models")
    payments.await_http(f"{stack.payments_url}/pay.css")


def _environment(var: Path, port: int, payments_port: int) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "pylo_site.settings",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(var / "tmp"),  # a temporary file of the product's would be found with all else it writes
        "PYTHONFAULTHANDLER": "1",  # a hung process tells where, when it is sent SIGABRT
        "PYLO_SECRET_KEY": secrets.token_hex(32),
        "PYLO_KEY_PEPPERS": secrets.token_hex(32),
        "PYLO_RECEIPT_KEYS": secrets.token_hex(32),
        "PYLO_SANDBOX": "1",
        "PYLO_DEBUG": "1",
        "PYLO_LOG_FORMAT": "json",
        "PYLO_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PYLO_PAYMENTS_URL": f"http://127.0.0.1:{payments_port}",
        "PYLO_PAYMENTS_SECRET": secrets.token_hex(16),
        "PYLO_UPSTREAMS": str(var / "upstreams.toml"),
        "PYLO_UPSTREAM_SANDBOX_KEY": "sandbox",
        "PYLO_JOURNAL_DIR": str(var / "journal"),
        "PYLO_METRICS_TOKEN": secrets.token_hex(16),
        "PYLO_METRICS_DIR": str(var / "metrics"),
        "PYLO_OUTBOX_DIR": str(var / "outbox"),
        "PYLO_STATIC_ROOT": str(var / "static"),
        "PYLO_SIGNUP_CREDIT": "5",
        "PYLO_RETRY_LOOKUP_MS": "2000",  # a machine that runs tests may be slow, and is to find what is there
        "PYLO_FIRST_TOKEN_SECONDS": str(FIRST_TOKEN_SECONDS),
        "PYLO_IDLE_SECONDS": str(IDLE_SECONDS),
        "PYLO_BREAKER": HEEDLESS,
    }
