"""What a client's script said, and the table of all clients. Pure.

A script prints its client's version as `{"version": "1.2.3"}`, then one line for each check:
`{"check": "stream", "ok": true, "detail": "…"}`. Other lines are the client's own talk.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylo_site.local.clients import Run

TAIL = 12  # lines of what a script said last
LONGEST = 160  # characters of a detail in the report
NEWLINE = "\n"
HEAD = ("client", "version", "checks", "seconds", "failed")


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One client's checks; `trouble` is what kept the script from its end."""

    client: str
    seconds: float
    version: str = "–"
    checks: tuple[Check, ...] = ()
    trouble: str = ""

    @property
    def ok(self) -> bool:
        return bool(self.checks) and not self.trouble and all(check.ok for check in self.checks)

    @property
    def cells(self) -> tuple[str, ...]:
        passed = f"{sum(check.ok for check in self.checks)} of {len(self.checks)}"
        failed = [check.name for check in self.checks if not check.ok]
        if not self.ok and not failed:
            failed = [self.trouble.splitlines()[0] if self.trouble else "no check ran"]
        return (self.client, self.version, passed, f"{self.seconds:.1f}", ", ".join(failed))


def read(client: str, run: Run, seconds: float) -> Outcome:
    """Return what the script's lines say, with trouble if it did not end as they do."""
    lines = [line for line in map(_object, run.stdout.splitlines()) if line is not None]
    versions = [str(line["version"]) for line in lines if "version" in line]
    checks = tuple(
        Check(str(line["check"]), line.get("ok") is True, str(line.get("detail") or ""))
        for line in lines
        if "check" in line
    )
    passed = bool(checks) and all(check.ok for check in checks)
    trouble = ""
    if run.code is None:
        trouble = f"took too long; {_last(run)}"
    elif run.code != 0 and (passed or not checks):
        trouble = f"ended with {run.code}; {_last(run)}"
    return Outcome(client, seconds, versions[0] if versions else "–", checks, trouble)


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _last(run: Run) -> str:
    said = (run.stderr.strip() or run.stdout.strip()).splitlines()[-TAIL:]
    return "\n".join(["it said last:", *said]) if said else "it said nothing"


def failures(outcome: Outcome) -> Iterable[str]:
    """Yield the lines that tell the reader what failed."""
    for check in outcome.checks:
        if not check.ok:
            yield f"{outcome.client}: {check.name}: {check.detail}"
    if outcome.trouble:
        yield f"{outcome.client}: {outcome.trouble}"


def details(outcomes: Iterable[Outcome]) -> str:
    """Return every check with the first line of its detail, as lists in Markdown."""
    parts = []
    for outcome in outcomes:
        lines = [f"- {check.name}: {check.detail.partition(NEWLINE)[0][:LONGEST]}" for check in outcome.checks]
        parts.append("\n".join([f"## {outcome.client} {outcome.version}", "", *lines, ""]))
    return "\n".join(parts)


def table(outcomes: Iterable[Outcome]) -> str:
    """Return the outcomes as a table in Markdown, columns aligned."""
    rows = [HEAD, *(outcome.cells for outcome in outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"
