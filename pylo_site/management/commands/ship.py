"""`manage.py ship`: the shipper as a process of its own, journal → Postgres, until SIGTERM."""

from __future__ import annotations

import logging
import signal
import threading
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections
from django.utils import timezone

from billing import ledger
from pylo_site import garbage
from pylo_site.shipper import Shipper

if TYPE_CHECKING:
    from argparse import ArgumentParser

POLL_SECONDS = 0.1
GC_AFTER = 200_000  # about what a batch is made of: at 700, a backlog took twice as long
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0

log = logging.getLogger("pylo.shipper")


class Command(BaseCommand):
    help = "Ship the gateway's journal to Postgres until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="go over the journals once, then stop")

    def handle(self, *_args: object, **options: Any) -> None:
        settings.PYLO_JOURNAL_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
        shipper = Shipper(settings.PYLO_JOURNAL_DIR, ledger, timezone.now)
        if options["once"]:
            shipper.ship()
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        garbage.rarely(GC_AFTER)
        log.info("shipping")
        run(shipper, stop)
        log.info("stopped")


def run(shipper: Shipper, stop: threading.Event) -> None:
    """Ship until told to stop; what fails is tried again, ever more slowly, and nothing is dropped meanwhile."""
    wait = FIRST_WAIT_SECONDS
    while not stop.is_set():
        try:
            shipper.ship()
        except Exception as error:  # noqa: BLE001 - the edge of a process: logged, tried again
            close_old_connections()
            names = [type(each).__name__ for each in getattr(error, "exceptions", [error])]
            log.error("cannot ship, trying again", extra={"crash": names, "seconds": wait})  # noqa: TRY400 - no rows
            stop.wait(wait)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)
        else:
            wait = FIRST_WAIT_SECONDS
            stop.wait(POLL_SECONDS)
