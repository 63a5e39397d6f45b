"""`bin/test --clients [name …]`: the running product, asked by each client's script in an environment of its own."""

from __future__ import annotations

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


def check(client: Client, stack: Stack) -> Outcome:
    """Run the client's script as a customer of its own."""
    settings = {"PYLO_BASE_URL": stack.api_base, "PYLO_API_KEY": stack.member().key}
    began = time.monotonic()
    done = clients.run(client, settings)
    return outcomes.read(client.name, done, time.monotonic() - began)


def tell(outcome: Outcome) -> None:
    print(f"{'ok    ' if outcome.ok else 'FAILED'} {outcome.client} ({outcome.seconds:.1f} s)", flush=True)
    for line in outcomes.failures(outcome):
        print("\n".join(f"    {part}" for part in line.splitlines()), flush=True)


def main(var: Path, names: list[str]) -> int:
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
        for client in found:
            ended.append(failed.get(client.name) or check(client, stack))
            tell(ended[-1])
    table = outcomes.table(ended)
    (var / "table.md").write_text(f"{table}\n{outcomes.details(ended)}")
    print(f"\n{table}")
    return 0 if all(outcome.ok for outcome in ended) else 1


if __name__ == "__main__":
    sys.exit(main(Path(os.environ["PYLO_JOURNAL_DIR"]).parent, sys.argv[1:]))
