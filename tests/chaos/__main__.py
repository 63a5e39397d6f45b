"""`bin/test --chaos [name …]`: faults between the product's real processes under load, and a table of what they cost.

It stops by itself, after some ten minutes. No figure is judged here; the tests of this folder hold what must hold.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.chaos.long import breaker, failover, outage, stores
from tests.chaos.long.figure import Figure, table
from tests.chaos.world import World, broken_world
from tests.fakes import stack as product

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.stack import Member

SCENARIOS: Final[dict[str, Callable[[World, Member], list[Figure]]]] = {
    "failover": failover.after_an_error,
    "deadline": failover.at_the_deadline,
    "shed": breaker.shed_while_all_hang,
    "redis": stores.redis,
    "postgres": stores.postgres,
    "streams": outage.of_streams,
    "breaker": breaker.to_trip_and_to_recover,
    "outage": outage.of_two_minutes,
}


def main(var: Path, names: list[str]) -> int:
    shutil.rmtree(var, ignore_errors=True)
    (var / "product").mkdir(parents=True)
    figures: list[Figure] = []
    with (
        product.running(var / "product", environ=os.environ) as stack,
        broken_world(stack) as world,
    ):
        payer = stack.member(credit=1000)
        for name in names:
            began = time.monotonic()
            world.calm()
            figures += SCENARIOS[name](world, payer)
            world.calm()
            world.kill_servers()
            print(f"· {name} ({time.monotonic() - began:.0f} s)", flush=True)
            (var / "figures.md").write_text(table(figures))
    print(f"\n{table(figures)}\nin {var / 'figures.md'}")
    return 0


def arguments() -> list[str]:
    parser = argparse.ArgumentParser(prog="bin/test --chaos", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(SCENARIOS))
    names: list[str] = parser.parse_args().names
    if unknown := set(names) - SCENARIOS.keys():
        parser.error(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    return names or list(SCENARIOS)


if __name__ == "__main__":
    chosen = arguments()
    sys.exit(main(Path(os.environ["PYLO_JOURNAL_DIR"]).parent / "run", chosen))
