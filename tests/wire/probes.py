"""The probes of probes.toml, and what Daphne as it comes makes of them: `python -m tests.wire.probes` prints that."""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.probing import probe
from tests.fakes.process import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = Path(__file__).with_name("probes.toml")
STARTING = 3.0  # seconds
STOCK_PATIENCE = 1.5  # seconds; an answer of stock Daphne's that is not there then, does not come


@dataclass(frozen=True, slots=True)
class Probe:
    """`result`s are statuses and then how the line is left, as in `400 close`."""

    name: str
    finding: str
    sent: str
    ours: str
    stock: str
    pad: int = 0

    @property
    def raw(self) -> bytes:
        return self.sent.replace("PAD", "a" * self.pad).encode("latin-1")

    @property
    def answers(self) -> int:
        return len(self.ours.split()) - 1


def probes() -> list[Probe]:
    return [Probe(**each) for each in tomllib.loads(FILE.read_text())["probe"]]


def table(rows: Sequence[Probe]) -> str:
    """Return the table of docs/server.md."""
    head = "| probe | | Pylo | stock Daphne |\n|---|---|---|---|\n"
    return head + "".join(
        f"| {row.name} | {row.finding} | {_short(row.ours)} | {_short(row.stock)} |\n" for row in rows
    )


def _short(result: str) -> str:
    """Write many equal statuses as one: `17 × 401`."""
    *statuses, end = result.split()
    told: list[str] = []
    for status in dict.fromkeys(statuses):
        count = statuses.count(status)
        told.append(status if count == 1 else f"{count} × {status}")
    return ", ".join([*(told or ["no answer"]), end])


def main() -> int:
    port = free_port()
    words = [sys.executable, "-m", "tests.fakes.serving", "--stock", "--port", str(port)]
    with subprocess.Popen(words) as daphne:
        time.sleep(STARTING)
        for each in probes():
            heard = probe(port, each.raw, answers=each.answers, patience=STOCK_PATIENCE)
            print(f"{each.name} = {heard.result}")  # noqa: T201 - a command's output
        daphne.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
