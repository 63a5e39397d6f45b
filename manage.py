#!/usr/bin/env python
"""Django's command line; settings that do not hold, and a database that is away, are told without a traceback."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pylo_site.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - the settings must be named first
    from django.db import OperationalError  # noqa: PLC0415 - as above

    from pylo_site.env import Misconfigured  # noqa: PLC0415 - as above

    try:
        execute_from_command_line(sys.argv)
    except Misconfigured as error:
        sys.exit(str(error))
    except OperationalError as error:
        said = str(error).strip().splitlines()
        sys.exit(f"Postgres: {said[0] if said else type(error).__name__}")


if __name__ == "__main__":
    main()
