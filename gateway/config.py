"""The gateway's settings, frozen and handed in; and the upstreams' file, read and judged."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.breaker.settings import BreakerSettings
from gateway.deadlines import Deadlines
from gateway.dialects import DIALECTS
from gateway.overload import Bounds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

TEXTS = ("name", "dialect", "base_url", "key_env", "model")
OPTIONAL = ("alias",)
NUMBERS = {"priority": (1, 1, 1000), "weight": (100, 0, 1000), "concurrency": (256, 1, 100_000)}  # default, range
COSTS = ("input", "cached", "output")
MOST_NANOS = 1_000_000_000  # a dollar a token
SETTINGS = (*TEXTS, *OPTIONAL, *NUMBERS, "cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamCost:
    """What an upstream takes of us, in nano-dollars a token. What customers pay is `billing`'s."""

    input_nanos: int
    cached_nanos: int
    output_nanos: int

    def nanos(self, prompt: int, cached: int, completion: int) -> int:
        return (prompt - cached) * self.input_nanos + cached * self.cached_nanos + completion * self.output_nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One backend that serves the model."""

    name: str
    dialect: str
    base_url: str
    key: str = field(repr=False)
    model: str
    alias: str = ""  # how customers are shown it
    priority: int = 1
    weight: int = 100
    concurrency: int = 256
    cost: UpstreamCost | None = None  # None: nobody said


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    model: str
    upstreams: tuple[Upstream, ...]
    peppers: tuple[str, ...] = field(repr=False)
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    journal_dir: Path
    host: str
    idempotency_secret: bytes = field(repr=False)  # the same for every process
    retry_lookup: float = 0.1  # seconds that a request waits for Postgres to say whether it is a retry
    max_body_bytes: int
    secure: bool = False  # the public URL is https
    public_host: str = "localhost"  # of the public URL: the portal answers to it
    retires: date | None = None  # the day the model goes
    most_in_flight: int = 1000
    processes: int = 1  # of the installation, at least: what limits are shared by while Redis is away
    metrics_token: str = field(default="", repr=False)  # without one there is no /metrics
    metrics_dir: Path | None = None  # None: this process tells of itself alone
    deadlines: Deadlines = field(default_factory=Deadlines)
    bounds: Bounds = field(default_factory=Bounds)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)


@dataclass(frozen=True, slots=True)
class UpstreamProblem:
    """One thing wrong in the upstreams' file: a stable id, what it is, and the way out."""

    id: str
    message: str
    hint: str


class UpstreamsError(Exception):
    """The file does not hold; it lists every problem, not only the first."""

    def __init__(self, problems: list[UpstreamProblem]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{problem.id}: {problem.message} {problem.hint}" for problem in problems))


def load_upstreams(path: Path, environ: Mapping[str, str]) -> tuple[Upstream, ...]:
    """Read the upstreams, best priority first; raise `UpstreamsError` with all that is wrong."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        hint = "Name a TOML file in PYLO_UPSTREAMS; deploy/upstreams.toml is an example."
        raise UpstreamsError([UpstreamProblem("pylo.E101", f"{path}: {why}.", hint)]) from None
    tables = document.get("upstream")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        problem = UpstreamProblem("pylo.E102", f"{path} has no [[upstream]].", "Add one for each backend.")
        raise UpstreamsError([problem])
    problems: list[UpstreamProblem] = []
    judged = [_Table(f"upstream {index}", table, problems) for index, table in enumerate(tables, 1)]
    upstreams = [_upstream(table, environ) for table in judged]
    names = [upstream.name for upstream in upstreams]
    problems += [
        UpstreamProblem("pylo.E107", f"two upstreams are named {name!r}.", "Records name them: give each its own.")
        for name in sorted({name for name in names if name and names.count(name) > 1})
    ]
    if problems:
        raise UpstreamsError(problems)
    return tuple(sorted(upstreams, key=lambda upstream: (upstream.priority, -upstream.weight)))


@dataclass(frozen=True, slots=True)
class _Table:
    """One [[upstream]] while it is judged."""

    where: str
    values: dict[str, Any]
    problems: list[UpstreamProblem]

    def wrong(self, check: str, message: str, hint: str) -> None:
        self.problems.append(UpstreamProblem(f"pylo.{check}", f"{self.where}: {message}", hint))

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if isinstance(value, str) and value:
            return value
        self.wrong("E103", f"{key!r} is missing or no text.", f'Give {key} = "…".')
        return ""

    def optional(self, key: str) -> str:
        return self.text(key) if key in self.values else ""

    def number(self, key: str) -> int:
        default, least, most = NUMBERS[key]
        value = self.values.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.wrong("E104", f"{key!r} is out of range.", f"Give a whole number from {least} to {most}.")
        return default

    def cost(self) -> UpstreamCost | None:
        if "cost" not in self.values:
            return None
        given = self.values["cost"]
        if isinstance(given, dict) and given.keys() == set(COSTS) and all(map(_is_price, given.values())):
            return UpstreamCost(**{f"{item}_nanos": given[item] for item in COSTS})
        hint = "Give nano-dollars a token, whole numbers: cost = { input = 600, cached = 150, output = 2500 }."
        self.wrong("E109", "'cost' is not three prices.", hint)
        return None


def _is_price(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_NANOS


def _upstream(table: _Table, environ: Mapping[str, str]) -> Upstream:
    for key in sorted(table.values.keys() - set(SETTINGS)):
        table.wrong("E103", f"{key!r} is no setting of an upstream.", f"Settings are {', '.join(SETTINGS)}.")
    name, dialect, base_url, key_env, model = (table.text(key) for key in TEXTS)
    if dialect and dialect not in DIALECTS:
        table.wrong("E105", f"dialect {dialect!r} is not known.", f"Dialects are {', '.join(DIALECTS)}.")
    if base_url and not _safe(base_url):
        table.wrong("E106", "base_url is no https URL.", "Plain http is for loopback addresses only.")
    secret = environ.get(key_env, "").strip()
    if key_env and not secret:
        table.wrong("E108", f"{key_env} is not set.", "Put the upstream's API key into that variable.")
    return Upstream(
        name=name,
        dialect=dialect,
        base_url=base_url.rstrip("/"),
        key=secret,
        model=model,
        alias=table.optional("alias"),
        priority=table.number("priority"),
        weight=table.number("weight"),
        concurrency=table.number("concurrency"),
        cost=table.cost(),
    )


def _safe(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return bool(host)
    return parts.scheme == "http" and (host == "localhost" or _loopback(host))


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
