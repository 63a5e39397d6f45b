"""The command line: `python -m pylo_site.server --host 127.0.0.1 --port 8000`."""

from __future__ import annotations

import argparse
import os
import sys

from daphne.endpoints import build_endpoint_description_strings
from django.conf import settings
from django.utils.module_loading import import_string

from pylo_site.env import Misconfigured
from pylo_site.server.daphne import Server
from pylo_site.server.start import problems

APPLICATION = "pylo_site.asgi.application"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pylo_site.server", description="Serve the portal and the API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    return parser.parse_args()


def main() -> int:
    options = _arguments()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pylo_site.settings")
    try:
        found = problems()
    except Misconfigured as error:
        print(error, file=sys.stderr)
        return 1
    if found:
        print(f"Pylo does not start: {len(found)} thing(s) are missing.", *found, sep="\n", file=sys.stderr)
        return 1
    application = import_string(APPLICATION)
    server = Server(
        gateway=application.gateway,
        most_body_bytes=settings.PYLO_MAX_BODY_BYTES,
        application=application,
        endpoints=build_endpoint_description_strings(host=options.host, port=options.port),
        action_logger=None,  # Daphne's access log has query strings
        server_name="pylo",
    )
    server.run()
    return 0 if server.listening_addresses and not server.failed else 1


if __name__ == "__main__":
    sys.exit(main())
