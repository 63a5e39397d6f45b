"""`bin/test --seeds N [--seed S] [--only 3,7]`: play N seeds from S on, and tell of each that breaks an invariant."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

from tests.simulation.seeds import Failure, run, shrunk

AT_ONCE = 25  # seeds a process is given at a time
MOST_TOLD = 3


def main() -> int:
    """Return 0 where every seed holds."""
    asked = _asked()
    only = None if asked.only is None else tuple(map(int, asked.only.split(",")))
    seeds = range(asked.seed, asked.seed + asked.seeds)
    began = time.monotonic()
    failures: list[Failure] = []
    with ProcessPoolExecutor(min(os.cpu_count() or 1, -(-len(seeds) // AT_ONCE)), initializer=gc.freeze) as pool:
        found = pool.map(run, seeds, repeat(only), chunksize=AT_ONCE)
        for number, failure in enumerate(found, 1):
            if failure is not None:
                failures.append(failure)
                print(f"· seed {failure.seed} breaks {failure.rule}", flush=True)
            if number % 1000 == 0:
                print(f"· {number} of {len(seeds)} seeds, {time.monotonic() - began:.0f} s", flush=True)
    for failure in failures[:MOST_TOLD]:
        print(f"\n{shrunk(failure)}")
    took = time.monotonic() - began
    print(f"{len(seeds) - len(failures)} of {len(seeds)} seeds hold ({took:.1f} s, {len(seeds) / took:.0f} a second)")
    return 1 if failures else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser("bin/test --seeds", description=__doc__)
    parser.add_argument("seeds", type=int, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--only", help="the clients to keep, as a failing seed names them")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
