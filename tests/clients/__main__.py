"""`bin/test --clients [name …]`: the running product, asked by each client's script in an environment of its own.

`--upstream vllm` puts an upstream of another dialect behind it; given more than once, each in turn; `all` is every one.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pylo_site.local import clients, outcomes
from pylo_site.local.outcomes import Outcome
from pylo_site.local.trouble import Trouble
from tests.fakes import stack as product

if TYPE_CHECKING:
    from pylo_site.local.clients import Client
    from tests.fakes.stack import Stack

UPSTREAMS = ("moonshot", "vllm", "sglang", "together", "openai")
USUAL = UPSTREAMS[0]


def install(found: list[Client]) -> dict[str, Outcome]:
    """Bring every environment up to date; return the failures by client."""
    failed: dict[str, Outcome] = {}
    for client in found:
        began = time.monotonic()
        try:
            clients.install(client)
        except Trouble as trouble:
            failed[client.name] = Outcome(client.name, time.monotonic() - began, trouble=str(trouble))
    return failed


def check(client: Client, stack: Stack, upstream: str) -> Outcome:
    """Run the client's script as a customer of its own."""
    base_url = stack.api_base if upstream == USUAL else stack.served_by(upstream)
    settings = {"PYLO_BASE_URL": base_url, "PYLO_API_KEY": stack.member().key, "PYLO_UPSTREAM": upstream}
    name = client.name if upstream == USUAL else f"{client.name} over {upstream}"
    began = time.monotonic()
    done = clients.run(client, settings)
    return outcomes.read(name, done, time.monotonic() - began)


def tell(outcome: Outcome) -> None:
    print(f"{'ok    ' if outcome.ok else 'FAILED'} {outcome.client} ({outcome.seconds:.1f} s)", flush=True)
    for line in outcomes.failures(outcome):
        print("\n".join(f"    {part}" for part in line.splitlines()), flush=True)


def main(var: Path, names: list[str], upstreams: list[str]) -> int:
    try:
        found = clients.find(names, homes=var)
    except Trouble as trouble:
        print(f"bin/test --clients: {trouble}", file=sys.stderr)
        return 1
    failed = install(found)
    logs = var / "product"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    ended = []
    with product.running(logs, environ=os.environ) as stack:
        for upstream, client in itertools.product(upstreams, found):
            ended.append(failed.get(client.name) or check(client, stack, upstream))
            tell(ended[-1])
    table = outcomes.table(ended)
    (var / "table.md").write_text(f"{table}\n{outcomes.details(ended)}")
    print(f"\n{table}")
    return 0 if all(outcome.ok for outcome in ended) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/test --clients", description=__doc__)
    parser.add_argument("--upstream", action="append", choices=[*UPSTREAMS, "all"], help="its dialect")
    parser.add_argument("clients", nargs="*", help="folders of tests/clients; all of them for none")
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    chosen = list(UPSTREAMS) if "all" in (asked.upstream or []) else asked.upstream or [USUAL]
    sys.exit(main(Path(os.environ["PYLO_JOURNAL_DIR"]).parent, asked.clients, chosen))
