"""What has to be on the machine: the two C programs, nginx, LiteLLM, py-spy. Made or fetched once, under var/bench."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.processes import ROOT
from pylo_site.local.install import say
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES = ROOT / "bench"
DEBIAN = Path("/usr/sbin/nginx")  # not on everybody's PATH


def compiled(name: str, var: Path) -> Path:
    """Return the program made of bench/`name`.c; made again when the source changed."""
    source = SOURCES / f"{name}.c"
    program = var / "programs" / f"{name}-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}"
    if program.exists():
        return program
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Trouble("No C compiler: the load generator is written in C (Debian: apt-get install gcc libc6-dev).")
    program.parent.mkdir(parents=True, exist_ok=True)
    words = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(program), str(source)]
    say(f"compiling bench/{name}.c", words, "it needs Linux and its C library's headers (Debian: libc6-dev)")
    return program


def nginx(var: Path) -> Path:
    """Return the machine's nginx, else Debian's, unpacked and not installed: no service starts, nothing is changed."""
    found = shutil.which("nginx") or (str(DEBIAN) if DEBIAN.exists() else "")
    if found:
        return Path(found)
    folder = var / "nginx"
    program = folder / "root" / "usr" / "sbin" / "nginx"
    if program.exists():
        return program
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Trouble("No nginx: install it, or leave it out with --without nginx.")
    folder.mkdir(parents=True, exist_ok=True)
    hint = "run apt-get update, install nginx, or leave it out with --without nginx"
    _in(folder, "fetching Debian's nginx", ["apt-get", "-qq", "download", "nginx"], hint)
    package = next(folder.glob("nginx_*.deb"))
    _in(folder, "unpacking it", ["dpkg-deb", "-x", package.name, "root"], hint)
    return program


def from_requirements(name: str, var: Path) -> Path:
    """Return the folder of programs of an environment that has what bench/requirements-`name`.txt pins."""
    pins = SOURCES / f"requirements-{name}.txt"
    folder = var / name
    stamp, wanted = folder / "installed", hashlib.sha256(pins.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return folder / "bin"
    hint = f"check that the package index can be reached, or leave it out with --without {name}"
    say(f"making an environment for {name}", [sys.executable, "-m", "venv", "--clear", str(folder)], hint)
    pip = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    pip += ["--require-hashes", "--only-binary", ":all:", "-r", str(pins)]
    say(f"installing {name} (some minutes, once)", pip, hint)
    stamp.write_text(wanted)
    return folder / "bin"


def _in(folder: Path, step: str, words: Sequence[str], hint: str) -> None:
    print(f"· {step}", flush=True)
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    if done.returncode:
        raise Trouble(f"{step} failed: {hint}.\n{done.stderr.strip()}")
