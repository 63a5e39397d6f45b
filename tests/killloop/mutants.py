"""Faults that the loop is to find: each patches one thing, then runs the real program.

`python -m tests.killloop.mutants NAME server|ship …`
"""

from __future__ import annotations

import asyncio
import runpy
import sys
from typing import TYPE_CHECKING, Any, Final

from tests.killloop.loop import Mutant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROGRAMS: Final = {"server": ("module", "pylo_site.server"), "ship": ("path", "manage.py")}


def no_progress() -> None:
    """Nothing is noted before it is forwarded."""
    from gateway.journal import Journal  # noqa: PLC0415 - only in the process that it breaks

    Journal.progress = lambda *_: None  # type: ignore[method-assign]


def settle_after_done() -> None:
    """The client has its `[DONE]` first, the journal its end a little later."""
    from gateway.journal import Journal  # noqa: PLC0415 - as above

    settle = Journal.settle

    def later(self: Any, record: Any) -> None:
        asyncio.get_running_loop().call_later(0.3, settle, self, record)

    Journal.settle = later  # type: ignore[method-assign]


def no_unique_key() -> None:
    """What comes twice is written twice. The gateway has no part in it."""
    import django  # noqa: PLC0415 - as above

    django.setup()
    from billing import recording  # noqa: PLC0415 - as above

    recording._INSERT = recording._INSERT.replace("ON CONFLICT (uid) DO NOTHING", "")


FAULTS: Final[Mapping[str, Callable[[], None]]] = {
    "no-progress": no_progress,
    "settle-after-done": settle_after_done,
    "no-unique-key": no_unique_key,
}


def _mutant(name: str, *sql: str) -> Mutant:
    program = ("-m", "tests.killloop.mutants", name)
    return Mutant(name, (*program, "server"), (*program, "ship", "ship"), sql)


MUTANTS: Final[Mapping[str, Mutant]] = {
    "no-progress": _mutant("no-progress"),
    "settle-after-done": _mutant("settle-after-done"),
    "no-unique-key": _mutant(
        "no-unique-key", "ALTER TABLE billing_requestrecord DROP CONSTRAINT billing_requestrecord_pkey"
    ),
}


def main() -> None:
    name, program, *rest = sys.argv[1:]
    FAULTS[name]()
    how, what = PROGRAMS[program]
    sys.argv = [what, *rest]
    if how == "module":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    main()
