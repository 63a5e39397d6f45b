"""`bin/bench relay`: the same requests through Pylo, nginx, LiteLLM and nothing, in turns, on one core."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench import programs, table
from bench.figures import Measured, Summary, summaries
from bench.load import WORKLOADS, Generator
from bench.processes import cores, cpu_seconds, memory_mb, pinned
from bench.profiling import hottest, sampled
from bench.pylo import pylo
from bench.systems import DIRECT, LITELLM, NGINX, PYLO, Bench, litellm, mock, nginx
from pylo_site.local import ports
from pylo_site.local.tests import engines_for, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.load import Workload
    from bench.systems import System

STARTING_SECONDS = 40.0  # what of the whole run's time is not measuring
SHORTEST, LONGEST = 1.0, 8.0
STARTERS = {NGINX: nginx, LITELLM: litellm, PYLO: pylo}
PROFILED = ("whole", "paced")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was asked for on the command line."""

    seconds: float
    rounds: int
    without: frozenset[str]
    profile: bool

    def each(self) -> float:
        """Return how long one measurement may take, so that all of it fits."""
        systems = 1 + len(STARTERS.keys() - self.without)
        turns = self.rounds * systems * len(WORKLOADS) + len(PROFILED) * self.profile
        return min(max((self.seconds - STARTING_SECONDS) / turns - 0.5, SHORTEST), LONGEST)


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What is written to the file."""

    seconds: float
    rounds: int
    summaries: list[Summary]
    measured: list[Measured]


def relay(run: Run, given: Mapping[str, str]) -> None:
    """Measure, print, and write var/bench/relay.json. Raises `Trouble` for what is missing here."""
    core, other_core = cores()
    with ExitStack() as cleanup:
        cleanup.enter_context(pinned(other_core))
        environ = cleanup.enter_context(engines_for("bench", given))
        var = Path(environ["PYLO_JOURNAL_DIR"]).parent
        bench = Bench(var, ports.free(), core, other_core, environ)
        bench.run.mkdir(parents=True, exist_ok=True)
        generator = Generator(programs.compiled("load", var), other_core)
        systems = [cleanup.enter_context(mock(programs.compiled("mock", var), bench))]
        for name, start in STARTERS.items():
            if name not in run.without:
                say(f"starting {name}")
                systems.append(cleanup.enter_context(start(bench)))
        measured = _rounds(run, systems, generator)
        found = summaries(measured)
        _tell(found, [system.name for system in systems])
        results = Results(seconds=run.each(), rounds=run.rounds, summaries=found, measured=measured)
        (var / "relay.json").write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1))
        say(f"all figures: {var / 'relay.json'}")
        if run.profile:
            _profile(run, bench, systems[-1], generator)


def _rounds(run: Run, systems: Sequence[System], generator: Generator) -> list[Measured]:
    """Measure every workload on every system in turn, `rounds` times: what disturbs the machine disturbs them all."""
    seconds, found = run.each(), []
    for number in range(1, run.rounds + 1):
        for workload in WORKLOADS:
            for system in systems:
                found.append(_measure(system, workload, generator, seconds))
                say(f"round {number}/{run.rounds}  {workload.name:8} {table.line(found[-1])}")
    return found


def _measure(system: System, workload: Workload, generator: Generator, seconds: float) -> Measured:
    pid = system.process.pid if system.process else None
    before = cpu_seconds(pid) if pid else 0.0
    load = generator.run(workload, system.port, system.key, seconds)
    return Measured(
        system=system.name,
        workload=workload.name,
        load=load,
        cpu_seconds=cpu_seconds(pid) - before if pid else 0.0,
        memory_mb=memory_mb(pid) if pid else 0.0,
    )


def _tell(found: Sequence[Summary], systems: Sequence[str]) -> None:
    print(f"\n{table.table(found, DIRECT)}\n")
    for line in table.ratios(found, PYLO, [name for name in systems if name != PYLO]):
        print(line)
    print(flush=True)


def _profile(run: Run, bench: Bench, system: System, generator: Generator) -> None:
    """Show what the process does with its time; apart from the figures, for to be watched costs time too."""
    program = programs.from_requirements("py-spy", bench.var) / "py-spy"
    if system.process is None:
        return
    for workload in WORKLOADS:
        if workload.name in PROFILED:
            stacks = bench.run / f"{workload.name}.stacks"
            seconds = max(run.each(), 4.0)
            with sampled(program, system.process.pid, seconds, stacks, bench.other_core):
                generator.run(workload, system.port, system.key, seconds + 1)
            print(
                f"\nprofile of {system.name}, {workload.name}:\n{table.profile(hottest(stacks.read_text()))}",
                flush=True,
            )
