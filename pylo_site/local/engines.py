"""Postgres and Redis for this start: the ones that were named, else private ones."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pylo_site.local import binaries, places
from pylo_site.local.passwords import read_or_make
from pylo_site.local.postgres import Postgres, data_version
from pylo_site.local.trouble import Trouble
from pylo_site.local.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pylo_site.local.children import Engine, Say

PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")  # nothing else of our environment is the engines' business


@dataclass(slots=True)
class Engines:
    """Where the engines are, and those of them that are ours to watch and to stop."""

    database_url: str
    redis_url: str
    running: list[Engine] = field(default_factory=list)


@contextmanager
def running(
    where: places.Places, environment: Mapping[str, str], *, search: binaries.Search, say: Say, durable: bool = True
) -> Iterator[Engines]:
    """Start what `environment` does not name, and stop it again at the end."""
    engines = Engines(environment.get("DATABASE_URL", ""), environment.get("REDIS_URL", ""))
    passwords = read_or_make(where.var / "secrets.env")
    bare = {name: environment[name] for name in PASSED_ON if name in environment}
    try:
        if not engines.redis_url:
            engines.running.append(_valkey(where, passwords, bare, search).start())
            engines.redis_url = engines.running[-1].url
        if not engines.database_url:
            postgres = _postgres(where, passwords, bare, search, durable=durable)
            if not postgres.data.exists():
                say(f"making a Postgres {postgres.version} in {postgres.data}")
            engines.running.append(postgres.start())
            engines.database_url = engines.running[-1].url
        yield engines
    finally:
        for engine in reversed(engines.running):
            engine.stop()


def _postgres(
    where: places.Places,
    passwords: dict[str, str],
    environment: dict[str, str],
    search: binaries.Search,
    *,
    durable: bool,
) -> Postgres:
    data = where.data / "postgres"
    made_by = data_version(data)
    program = binaries.postgres(search, data_version=made_by)
    if program is None and made_by:
        raise Trouble(
            f"{data} holds data of Postgres {made_by}, and there is none of that version here: install it, "
            f"or move {data} away to begin anew."
        )
    if program is None:
        raise Trouble(f"No Postgres ≥ {binaries.OLDEST_POSTGRES}: install one, or name one with DATABASE_URL.")
    return Postgres(
        programs=_shared(program, where.uid).parent,
        version=program.version,
        data=data,
        run=where.run,
        uid=where.uid,
        password=passwords["POSTGRES_PASSWORD"],
        environment=environment,
        durable=durable,
    )


def _valkey(
    where: places.Places, passwords: dict[str, str], environment: dict[str, str], search: binaries.Search
) -> Valkey:
    program = binaries.redis(search)
    if program is None:
        raise Trouble("No Valkey ≥ 8 or Redis ≥ 7: install one, or name one with REDIS_URL.")
    return Valkey(
        program=_shared(program, where.uid),
        data=where.data / "valkey",
        run=where.run,
        uid=where.uid,
        password=passwords["REDIS_PASSWORD"],
        environment=environment,
    )


def _shared(program: binaries.Program, uid: int | None) -> Path:
    return places.share(program.path, uid) if program.source == binaries.WHEEL else program.path
