"""The command line of `bin/bench`."""

from __future__ import annotations

import argparse
import os
import signal
import sys

from pylo_site.local.trouble import Trouble


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/bench", description="Measure what Pylo costs beside others, on two cores of this machine."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    relay = commands.add_parser(
        "relay",
        help="requests and streams through Pylo, nginx and LiteLLM",
        description="The same requests through Pylo with everything on, nginx, LiteLLM and nothing, in turns.",
    )
    relay.add_argument("--seconds", type=float, default=230, help="how long all of it may take (230)")
    relay.add_argument("--rounds", type=int, default=3, help="how often everything is measured; medians are shown (3)")
    relay.add_argument(
        "--without", action="append", default=[], choices=("nginx", "litellm"), help="leave one out; may be repeated"
    )
    relay.add_argument("--profile", action="store_true", help="show the functions Pylo spends its time in")
    ledger = commands.add_parser(
        "ledger",
        help="the journal, the shipper, rollups and the portal's pages at ten million records",
        description="Measure journal, shipper, rollups and pages on a private Postgres, which is emptied at the end.",
    )
    ledger.add_argument("--records", type=int, default=10_000_000, help="how many to load (10000000)")
    ledger.add_argument("--seconds", type=float, default=2400, help="how long all of it may take (2400)")
    return parser.parse_args()


def _terminate(signum: int, frame: object) -> None:  # noqa: ARG001 - the signature is Python's
    raise KeyboardInterrupt


def _relay(options: argparse.Namespace) -> None:
    from bench.relay import Run, relay  # noqa: PLC0415 - --help needs none of it

    run = Run(
        seconds=options.seconds,
        rounds=max(options.rounds, 1),
        without=frozenset(options.without),
        profile=options.profile,
    )
    relay(run, dict(os.environ))


def _ledger(options: argparse.Namespace) -> None:
    from bench.ledger import ledger  # noqa: PLC0415 - as above

    ledger(max(options.records, 1), options.seconds, dict(os.environ))


def main() -> int:
    options = _arguments()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        (_ledger if options.command == "ledger" else _relay)(options)
    except Trouble as trouble:
        print(f"bin/bench: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
