"""The event loop of the server's process: uvloop, under Twisted's reactor."""

from __future__ import annotations

import sys


def install() -> None:
    """Make uvloop the reactor's loop; called before anything imports the reactor, or Daphne would choose."""
    from twisted.internet import asyncioreactor  # noqa: PLC0415 - as late as the call

    if "twisted.internet.reactor" in sys.modules:
        raise RuntimeError("the reactor is there already")
    if sys.platform == "win32":
        asyncioreactor.install()  # type: ignore[no-untyped-call]
    else:
        import uvloop  # noqa: PLC0415 - there is none elsewhere

        asyncioreactor.install(uvloop.new_event_loop())  # type: ignore[no-untyped-call]
