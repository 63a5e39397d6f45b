"""Makes .venv and installs what is pinned, for `bin/*`. Standard library only: it runs before anything is there."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pylo_site.local import binaries
from pylo_site.local.lock import Lock
from pylo_site.local.trouble import Trouble

ROOT = Path(__file__).resolve().parents[2]
RUNTIME, EMBEDDED, DEV = "requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"
BUSY = "another command is installing into .venv (process {pid}): wait until it is done, then try again."
TAIL = 8


@dataclass(frozen=True, slots=True)
class Environment:
    """The virtual environment of one checkout. Its stamp says which pins are in it."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        return self.folder / "pylo-installed"

    def works(self) -> bool:
        try:
            return subprocess.run([self.python, "-c", ""], capture_output=True, check=False).returncode == 0  # noqa: S603
        except OSError:
            return False

    def missing(self, files: list[str]) -> list[str]:
        installed = set(self.stamp.read_text().split("\n")) if self.stamp.exists() else set()
        return [file for file in files if self._line(file) not in installed]

    def _line(self, file: str) -> str:
        return f"{file} {hashlib.sha256((self.root / file).read_bytes()).hexdigest()}"

    def make(self) -> None:
        """Make the environment with the Python that runs this."""
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        words = [sys.executable, "-m", "venv", "--clear", str(self.folder)]
        say(f"making .venv with Python {version}", words, f"as root: apt-get install python{version}-venv")
        self.stamp.unlink(missing_ok=True)

    def install(self, file: str) -> None:
        words = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        words += ["--require-hashes", "--only-binary", ":all:", "-r", str(self.root / file)]
        say(f"installing {file}", words, "check that the package index can be reached, then try again")
        kept = self.stamp.read_text().split("\n") if self.stamp.exists() else []
        lines = [line for line in kept if line and not line.startswith(f"{file} ")]
        self.stamp.write_text("\n".join([*lines, self._line(file)]) + "\n")


def say(step: str, words: list[str], hint: str) -> None:
    """Run one step; shows a line with the seconds it took, or `Trouble` with what it said last and the hint."""
    print(f"· {step} … ", end="", flush=True)
    began = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603 - our own
    if done.returncode:
        print("failed", flush=True)
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()[-TAIL:]
        raise Trouble("\n".join([f"{step} failed: {hint}.", *(f"    {line}" for line in lines)]))
    print(f"{time.monotonic() - began:.1f} s", flush=True)


def wanted(command: str, environment: dict[str, str]) -> list[str]:
    """Return the requirements `command` needs: the wheels' engines only where neither machine nor settings have one."""
    files = [RUNTIME, *([DEV] if command in {"test", "check"} else [])]
    search = binaries.Search(environment.get("PATH", ""), use=environment.get("PYLO_ENGINES") or "auto")
    postgres = environment.get("DATABASE_URL") or _on_machine(binaries.postgres(search))
    redis = environment.get("REDIS_URL") or _on_machine(binaries.redis(search))
    return files if postgres and redis else [*files, EMBEDDED]


def _on_machine(program: binaries.Program | None) -> bool:
    return program is not None and program.source == binaries.MACHINE


def complete(environment: Environment, files: list[str]) -> None:
    """Bring `environment` up to date, one command at a time."""
    if environment.works() and not environment.missing(files):
        return
    try:
        environment.folder.mkdir(exist_ok=True)
        lock = Lock(environment.folder.with_name(".venv.lock"), BUSY)
    except OSError as error:
        raise Trouble(f"cannot write to {environment.root} ({error.strerror}): make it writable, or copy it.") from None
    try:
        if not environment.works():
            environment.make()
        for file in environment.missing(files):
            environment.install(file)
    except OSError as error:
        raise Trouble(f"cannot write to {environment.folder} ({error.strerror}): remove it, then try again.") from None
    finally:
        lock.release()


def main() -> int:
    command = sys.argv[1]
    try:
        complete(Environment(ROOT), wanted(command, dict(os.environ)))
    except Trouble as trouble:
        print(f"bin/{command}: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
