from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.simulation.loop import virtually
from tests.simulation.plans import plan_of
from tests.simulation.seeds import run
from tests.simulation.world import World

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 30  # `bin/test --seeds 10000` plays more
TRACE = """
from tests.simulation.test_simulation import story
print(story(11))
"""


def story(seed: int) -> str:
    async def main() -> str:
        world = World(plan_of(seed))
        await world.run()
        return "\n".join(world.trace.story(-1))

    return virtually(main())


def test_every_seed_holds() -> None:
    failures = [failure for seed in range(SEEDS) if (failure := run(seed)) is not None]
    assert not failures, "\n\n".join(map(str, failures[:3]))


def test_a_seed_is_the_same_story_in_every_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRACE], cwd=ROOT, env={"PYTHONHASHSEED": "7"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == story(11).strip() == story(11).strip()
