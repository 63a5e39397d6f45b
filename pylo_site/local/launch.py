"""Becomes another program that dies with its parent, as another user if asked: `launch.py [options] -- program …`.

Run by its path with `python -I -S`, so that it costs 15 ms; docs/decisions/0001 says why it exists.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1


def birth(pid: int) -> str:
    """When process `pid` was born, in the kernel's words; empty when there is none (a zombie counts as none)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return "" if Path("/proc/self/stat").exists() else _birth_by_ps(pid)
    except OSError:
        return ""
    return "" if stat[0] in "ZX" else stat[19]


def _birth_by_ps(pid: int) -> str:
    try:
        told = subprocess.run(  # noqa: S603 - fixed words and a number
            ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607 - the machine's own ps
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return told.stdout.strip()


def die_with_parent(parent: int, signum: int) -> None:
    """Ask the kernel for `signum` when the parent dies. Only Linux can; elsewhere the next start cleans up."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent:  # it died before we could ask
        os._exit(1)


def become(uid: int) -> None:
    """Give up root for good."""
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--signal", default="SIGTERM", help="sent when the parent dies")
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("--pidfile", type=Path, help="where to note the process, for the next start's clean-up")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    return parser.parse_args()


def main() -> None:
    parent = os.getppid()
    options = _arguments()
    if options.pidfile:
        options.pidfile.write_text(f"{os.getpid()} {birth(os.getpid())}\n")
    for signum in (signal.SIGINT, signal.SIGTERM):  # the supervisor ignores them while it starts a process
        signal.signal(signum, signal.SIG_DFL)
    os.nice(options.nice)
    if options.uid is not None:
        become(options.uid)  # before prctl: a change of user clears the wish
    die_with_parent(parent, signal.Signals[options.signal])
    program = options.program[1:] if options.program[:1] == ["--"] else options.program
    try:
        os.execvp(program[0], program)  # noqa: S606 - this is the purpose
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
