"""`bin/test --kill-loop SECONDS [--seed S] [--mutant NAME]`: the product's processes killed at random under load.

It ends by itself, a minute or so after the time is over, and fails where anybody was charged otherwise than served.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
from pathlib import Path

from tests.killloop import loop
from tests.killloop.mutants import MUTANTS


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/test --kill-loop", description=__doc__)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="run with a fault that is to be found")
    given = parser.parse_args()
    var = Path(os.environ["PYLO_JOURNAL_DIR"]).parent / "run"
    shutil.rmtree(var, ignore_errors=True)
    var.mkdir(parents=True)
    print(f"· seed {given.seed}, {given.seconds:g} s", flush=True)
    report = loop.run(var, seconds=given.seconds, seed=given.seed, mutant=MUTANTS.get(given.mutant or ""))
    (var / "figures.md").write_text(f"{report}\n")
    print(f"\n{report}\nin {var / 'figures.md'}")
    return 1 if report.verdict.findings else 0


if __name__ == "__main__":
    sys.exit(main())
