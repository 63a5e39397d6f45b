"""The list of Pylo's processes on one machine, as data: what `bin/serve` runs beside the engines."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


UPSTREAMS = ("upstream-a", "upstream-b")  # the sandbox's: the primary and its fallback


@dataclass(frozen=True, slots=True)
class Process:
    """A name for the log and the words of a command."""

    name: str
    words: tuple[str, ...]
    nice: int = 0  # work in the background yields to requests, above all while all of it starts


@dataclass(frozen=True, slots=True)
class Site:
    """Where this start listens, and which of the sandbox's parts it has (a port each, or none)."""

    host: str
    port: int
    upstream_ports: tuple[int, ...]
    payments_port: int | None
    web_processes: int = 1

    @property
    def reach(self) -> str:
        """The address at which this machine itself reaches `host`."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound


def listed(site: Site, var: Path, environment: Mapping[str, str], *, python: str = sys.executable) -> list[Process]:
    """Return every process, in the order of their start."""
    # Root is one's own choice here, and in many containers there is nobody else.
    celery = (python, "-W", "ignore:You're running the worker", "-m", "celery", "--quiet", "-A", "pylo_site")
    # One thread, no pool of processes: a child of a killed pool would outlive it. No neighbours to look for.
    alone = ("--pool", "solo", "--without-mingle", "--without-gossip", "--loglevel", "INFO")
    web = (python, "-m", "pylo_site.server", "-b", site.host, "-p", str(site.port))
    found = [
        Process("web", (*web, "--processes", str(site.web_processes))),
        Process("shipper", (python, "manage.py", "ship"), nice=5),
        Process("worker", (*celery, "worker", *alone), nice=10),
        Process("beat", (*celery, "beat", "--schedule", str(var / "run" / "beat")), nice=10),
    ]
    for name, port in zip(UPSTREAMS, site.upstream_ports, strict=False):
        truth = str(var / "sandbox" / f"truth-{name}.jsonl")
        words = (python, "-m", "sandbox.upstream", "--port", str(port), "--truth", truth)
        found.append(Process(name, words))
    if site.payments_port:
        host = f"[{site.reach}]" if ":" in site.reach else site.reach
        hook = f"http://{host}:{site.port}/billing/webhooks/payments/"
        secret = environment["PYLO_PAYMENTS_SECRET"]
        words = (python, "-m", "sandbox.payments", "--port", str(site.payments_port), "--secret", secret)
        state = str(var / "sandbox" / "payments.json")
        found.append(Process("payments", (*words, "--state", state, "--webhook", hook)))
    return found
