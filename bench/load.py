"""What is asked, how it is asked, and what the load generator says of it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from bench.processes import pinned
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "moonshotai/kimi-k2.6"
WARM = 0.5  # seconds that are not measured
PATIENCE = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One way to ask. `rate` 0 asks again as soon as there is an answer; `pace` is in milliseconds between tokens."""

    name: str
    connections: int
    rate: int = 0
    stream: bool = False
    chunks: int = 1
    pace: int = 0

    @property
    def body(self) -> str:
        text = f"Write a haiku about routing tables. chunks={self.chunks}"
        text += f" pace={self.pace}" if self.pace else ""
        asked = {"model": MODEL, "messages": [{"role": "user", "content": text}], "stream": self.stream}
        return json.dumps(asked)


WORKLOADS = (
    Workload(name="whole", connections=64),
    Workload(name="burst", connections=50, stream=True, chunks=200),
    Workload(name="paced", connections=50, stream=True, chunks=200, pace=20),
    Workload(name="latency", connections=64, rate=50),
)


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What the generator measured; `all_…` counts its warm-up too, as a CPU clock does. Times in microseconds."""

    seconds: float
    requests: int
    events: int
    errors: int
    all_requests: int
    all_events: int
    p50_us: int
    p99_us: int
    first_p50_us: int
    first_p99_us: int


@dataclass(frozen=True, slots=True)
class Generator:
    program: Path
    core: int

    def run(self, workload: Workload, port: int, key: str, seconds: float) -> Load:
        warm = 0.0 if workload.pace else WARM  # a paced stream lasts as long as a measurement
        words = [str(self.program), *map(str, (port, workload.connections, workload.rate, warm, seconds))]
        with pinned(self.core):
            try:
                done = subprocess.run(  # noqa: S603 - our own program
                    [*words, key, workload.body],
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=warm + seconds + PATIENCE,
                )
            except subprocess.TimeoutExpired:
                raise Trouble(f"The load generator hangs in {workload.name!r}.") from None
        if done.returncode:
            raise Trouble(f"The load generator gave up in {workload.name!r}: {done.stderr.strip()}")
        return read(done.stdout)


def read(text: str) -> Load:
    """Read the generator's line; raise `Trouble` when it is not one."""
    try:
        return msgspec.json.decode(text, type=Load)
    except msgspec.MsgspecError as error:
        raise Trouble(f"The load generator said something else: {error}") from None
