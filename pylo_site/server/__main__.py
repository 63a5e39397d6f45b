"""Daphne's command line, and --processes: `python -m pylo_site.server -b 127.0.0.1 -p 8000 --processes 2`."""

from __future__ import annotations

import os
import sys

from pylo_site.env import Misconfigured
from pylo_site.server import loop, processes


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pylo_site.settings")
    if several := processes.asked_for(sys.argv[1:]):
        try:
            return several.run()
        except OSError as error:
            print(f"The port cannot be had: {error.strerror}", file=sys.stderr)
            return 1
    loop.install()
    from pylo_site.server.command import Command  # noqa: PLC0415 - imports the reactor
    from pylo_site.server.start import problems  # noqa: PLC0415 - sets Django up

    try:
        found = problems()
    except Misconfigured as error:
        print(error, file=sys.stderr)
        return 1
    if found:
        print(f"Pylo does not start: {len(found)} thing(s) are missing.", *found, sep="\n", file=sys.stderr)
        return 1
    command = Command()
    command.run(sys.argv[1:])
    return 1 if command.server.failed else 0


if __name__ == "__main__":
    sys.exit(main())
