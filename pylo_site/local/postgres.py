"""A private Postgres: made once by initdb, then run in the foreground as our child, on TCP only."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from pylo_site.local import places as place
from pylo_site.local.children import Engine, command, spawn, wait_until_ready
from pylo_site.local.ports import LOOPBACK, free
from pylo_site.local.trouble import Trouble

USER = DATABASE = "pylo"
BUILTIN_LOCALE_SINCE = 17
RELEASE = 10.0  # for backends to notice that their postmaster is gone
PROC = Path("/proc")
# A failing statement and its values are people's data and stay out of the log; whoever ran it sees the error.
QUIET = {"log_min_messages": "fatal", "log_min_error_statement": "panic", "log_line_prefix": ""}
HASTY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """One cluster: its programs' folder and version, its data, whose it is. Tests do without durability."""

    programs: Path
    version: int
    data: Path
    run: Path
    uid: int | None
    password: str
    environment: dict[str, str]
    durable: bool = True

    def _url(self, port: int, database: str = DATABASE) -> str:
        return f"postgresql://{USER}:{quote(self.password)}@{LOOPBACK}:{port}/{database}"

    def start(self, port: int = 0) -> Engine:
        """Start it on a port, or on a free one."""
        if not (self.data / "PG_VERSION").exists():
            self._make()
        release(self.data)
        port = port or free()
        settings = {"listen_addresses": LOOPBACK, "port": port, "unix_socket_directories": "", **QUIET}
        settings |= {} if self.durable else HASTY
        words: list[str | Path] = [self.programs / "postgres", "-D", self.data]
        words += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        launcher = command(words, uid=self.uid, pidfile=self.run / "postgres.pid", signum=signal.SIGINT)
        process = spawn(launcher, cwd=self.data, environment=self.environment)
        engine = Engine("postgres", process, self._url(port), stop_with=signal.SIGINT)
        try:
            wait_until_ready(engine, lambda: self._ready(port))
            self._make_database(port)
        except BaseException:
            engine.stop()
            raise
        return engine

    def _make(self) -> None:
        """Run initdb beside the data's place and move the result there, so that a kill leaves nothing half made."""
        new = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        place.own_folder(new, self.uid)
        password = new.with_name("password")
        password.unlink(missing_ok=True)
        with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.password)
            if self.uid is not None:
                os.chown(file.fileno(), self.uid, self.uid)
        locale = ["--locale=C.UTF-8"]
        if self.version >= BUILTIN_LOCALE_SINCE:  # needs none of the machine's locales
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        words: list[str | Path] = [
            self.programs / "initdb",
            "-D",
            new,
            "-U",
            USER,
            f"--pwfile={password}",
            "-E",
            "UTF8",
        ]
        words += ["--auth=scram-sha-256", *locale, *([] if self.durable else ["--no-sync"])]
        made = subprocess.run(  # noqa: S603 - our own command
            command(words, uid=self.uid), cwd=new, env=self.environment, capture_output=True, text=True, check=False
        )
        password.unlink()
        if made.returncode:
            raise Trouble(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")
        new.rename(self.data)

    def _ready(self, port: int) -> bool:
        try:
            psycopg.connect(self._url(port, "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise Trouble(
                    f"{self.data} was made with another password than secrets.env beside it has: "
                    f"put that file back, or remove both to begin anew without the data."
                ) from None
            return False
        return True

    def _make_database(self, port: int) -> None:
        with psycopg.connect(self._url(port, "postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not found:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def data_version(data: Path) -> int | None:
    """Return the major version that made `data`; None when there are none yet."""
    try:
        return int((data / "PG_VERSION").read_text())
    except (OSError, ValueError):
        return None


def release(data: Path) -> None:
    """Remove a lock file that Postgres would respect although nobody uses `data`.

    Its pid may be a zombie's, or by now another program's; Postgres only asks whether the pid is alive. A postmaster
    and its backends stand in their data folder, so whoever stands in no such folder does not use it.
    """
    lock = data / "postmaster.pid"
    if not lock.exists() or not PROC.joinpath("self").exists():
        return
    deadline = time.monotonic() + RELEASE
    while users := _standing_in(data):
        if time.monotonic() > deadline:
            raise Trouble(f"Another Postgres (process {users[0]}) runs on {data}: stop it first.")
        time.sleep(0.05)
    lock.unlink(missing_ok=True)


def _standing_in(folder: Path) -> list[int]:
    real, found = str(folder.resolve()), []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                if str((entry / "cwd").readlink()) == real:
                    found.append(int(entry.name))
            except OSError:  # gone, a zombie, or another user's
                continue
    return found
