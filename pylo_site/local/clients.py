"""The clients that people use, each a folder of tests/clients with its pins, and their environments in var/clients.

A folder has `requirements.txt` and `check.py`, or `package-lock.json` and `check.mjs`. Nothing of a client is installed
into .venv, and a run sees neither the reader's settings nor their home.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pylo_site.local.install import ROOT, say
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SCRIPTS = ROOT / "tests" / "clients"
PINS = ("requirements.txt", "package.json", "package-lock.json")
VENV = "install the module venv (Debian: apt-get install python3-venv)"
HINT = "check that the package index can be reached, then try again"
PATIENCE = 400.0  # seconds for one script


@dataclass(frozen=True, slots=True)
class Client:
    """`folder` holds the pins and the script, `home` what is installed and all that a run writes."""

    folder: Path
    home: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def python(self) -> bool:
        return (self.folder / "requirements.txt").exists()

    @property
    def pins(self) -> str:
        """The stamp of an environment that has what is pinned now."""
        files = [self.folder / name for name in PINS if (self.folder / name).exists()]
        return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()

    @property
    def stamp(self) -> Path:
        return self.home / "installed"

    @property
    def command(self) -> list[str]:
        if self.python:
            return [str(self.home / "venv" / "bin" / "python"), str(self.folder / "check.py")]
        own = self.home / "node_modules" / ".bin" / "node"  # a client may pin the Node that it needs
        return [str(own) if own.exists() else "node", str(self.home / "check.mjs")]


@dataclass(frozen=True, slots=True)
class Run:
    """One script's end. `code` is None when it took longer than it may."""

    code: int | None
    stdout: str
    stderr: str


def find(names: Sequence[str], *, homes: Path, scripts: Path = SCRIPTS) -> list[Client]:
    """Return the clients of these names, all of them for none; raise `Trouble` at a name that has no folder."""
    known = sorted({file.parent.name for pins in PINS for file in scripts.glob(f"*/{pins}")})
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise Trouble(f"no client is called {', '.join(unknown)}; there are {', '.join(known)}.")
    return [Client(scripts / name, homes / name) for name in known if not names or name in names]


def install(client: Client) -> None:
    """Bring the client's environment to its pins, if it is not; raise `Trouble` with what the installer said."""
    if client.stamp.exists() and client.stamp.read_text() == client.pins:
        return
    shutil.rmtree(client.home, ignore_errors=True)
    client.home.mkdir(parents=True)
    if client.python:
        _install_python(client)
    else:
        _install_node(client)
    client.stamp.write_text(client.pins)


def _install_python(client: Client) -> None:
    venv = client.home / "venv"
    say(f"{client.name}: making its environment", [sys.executable, "-m", "venv", str(venv)], VENV)
    words = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    words += ["--no-input", "--no-deps", "--require-hashes"]  # the pins are complete
    say(f"{client.name}: installing", [*words, "-r", str(client.folder / "requirements.txt")], HINT)


def _install_node(client: Client) -> None:
    if shutil.which("npm") is None:
        raise Trouble("no npm on PATH: install Node 20 or newer (Debian: apt-get install npm).")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(client.folder / name, client.home)
    words = ["npm", "ci", "--prefix", str(client.home), "--ignore-scripts", "--no-audit", "--no-fund"]
    say(f"{client.name}: installing", words, HINT)


def run(client: Client, settings: Mapping[str, str], *, patience: float = PATIENCE) -> Run:
    """Run the client's script with `settings` and nothing else of this shell but PATH."""
    if not client.python:
        for script in (*client.folder.glob("*.mjs"), *client.folder.parent.glob("*.mjs")):
            shutil.copy(script, client.home)  # Node looks for packages beside the script
    scratch = client.home / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    own = {"PATH": os.environ["PATH"], "HOME": str(scratch), "PYTHONPATH": str(client.folder.parent), "LANG": "C.UTF-8"}
    try:
        done = subprocess.run(  # noqa: S603 - our own script
            client.command,
            cwd=scratch,
            env={**own, **settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=patience,
        )
    except subprocess.TimeoutExpired as late:
        return Run(None, _text(late.stdout), _text(late.stderr))
    except OSError as error:
        return Run(127, "", str(error))
    return Run(done.returncode, done.stdout, done.stderr)


def _text(said: bytes | str | None) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said or ""
