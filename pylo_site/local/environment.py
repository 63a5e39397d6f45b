"""The settings of this start: what was set stays, what was not is filled in for one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylo_site.env import FALSE, TRUE
from pylo_site.local import passwords
from pylo_site.local.ports import LOOPBACK
from pylo_site.local.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pylo_site.local.engines import Engines
    from pylo_site.local.processes import Site

SETTING = ("PYLO_", "DATABASE_URL", "REDIS_URL")
ANYWHERE = {"0.0.0.0", "::", LOOPBACK, "::1"}  # noqa: S104 - addresses that a browser here calls localhost
UPSTREAM = """\
# Made by bin/serve. To call real upstreams, write a file like it and name it with PYLO_UPSTREAMS.
# To see a failover, have the first one fail a few times (docs/operations.md "Try an outage").
[[upstream]]
name = "sandbox-a"
dialect = "moonshot"
base_url = "http://{loopback}:{ports[0]}/moonshot/v1"
key_env = "PYLO_UPSTREAM_SANDBOX_KEY"
model = "kimi-k2.6"
priority = 1

[[upstream]]
name = "sandbox-b"
dialect = "vllm"
base_url = "http://{loopback}:{ports[1]}/vllm/v1"
key_env = "PYLO_UPSTREAM_SANDBOX_KEY"
model = "kimi-k2.6"
priority = 2
"""


def sandboxed(environment: Mapping[str, str]) -> tuple[bool, bool]:
    """Return whether the sandbox stands in for the upstreams, and for mail and payments."""
    upstreams = not environment.get("PYLO_UPSTREAMS", "").strip()
    wish = environment.get("PYLO_SANDBOX", "").strip().lower()
    if wish and wish not in TRUE | FALSE:
        raise Trouble(f"PYLO_SANDBOX={wish!r} is neither true nor false: set it to 1 or 0.")
    if upstreams and wish and wish in FALSE:
        raise Trouble("PYLO_SANDBOX is off and no upstream is configured: set PYLO_UPSTREAMS, or unset PYLO_SANDBOX.")
    return upstreams, wish in TRUE if wish else upstreams


def public_url(site: Site) -> str:
    host = "localhost" if site.host in ANYWHERE else f"[{site.host}]" if ":" in site.host else site.host
    return f"http://{host}:{site.port}"


def completed(given: Mapping[str, str], site: Site, var: Path, engines: Engines) -> dict[str, str]:
    """Return the environment of every process; writes the sandbox's upstreams' file where none was named."""
    secrets = passwords.read_or_make(var / "secrets.env")
    filled = {
        "PYLO_SECRET_KEY": secrets["PYLO_SECRET_KEY"],
        "PYLO_KEY_PEPPERS": secrets["PYLO_KEY_PEPPERS"],
        "PYLO_RECEIPT_KEYS": secrets["PYLO_RECEIPT_KEYS"],
        "PYLO_METRICS_TOKEN": secrets["PYLO_METRICS_TOKEN"],
        "PYLO_METRICS_DIR": str(var / "metrics"),
        "PYLO_PUBLIC_URL": public_url(site),
        "PYLO_JOURNAL_DIR": str(var / "journal"),
        "PYLO_OUTBOX_DIR": str(var / "outbox"),
        "PYLO_STATIC_ROOT": str(var / "static"),
        "PYLO_LOG_FORMAT": "console",
        "PYLO_DRAIN_SECONDS": "3",  # honcho kills after 5
    }
    if site.upstream_ports:
        file = var / "upstreams.toml"
        file.write_text(UPSTREAM.format(loopback=LOOPBACK, ports=site.upstream_ports))
        filled |= {"PYLO_UPSTREAMS": str(file), "PYLO_UPSTREAM_SANDBOX_KEY": "sandbox"}
    if site.payments_port:
        filled |= {
            "PYLO_SANDBOX": "1",
            "PYLO_SIGNUP_CREDIT": "5",
            "PYLO_PAYMENTS_URL": f"http://{LOOPBACK}:{site.payments_port}",
            "PYLO_PAYMENTS_SECRET": secrets["PYLO_PAYMENTS_SECRET"],
        }
    for name in ("journal", "outbox", "static", "sandbox"):
        (var / name).mkdir(exist_ok=True)
    set_by_hand = {name: value for name, value in given.items() if value.strip() or not name.startswith(SETTING)}
    own = {"DATABASE_URL": engines.database_url, "REDIS_URL": engines.redis_url, "PYTHONUNBUFFERED": "1"}
    return filled | set_by_hand | own


def keep(environment: Mapping[str, str], file: Path) -> None:
    """Write the settings where a second terminal can read them: `. var/serve.env; .venv/bin/python manage.py …`."""
    settings = {
        name: "'" + value.replace("'", "'\\''") + "'"
        for name, value in sorted(environment.items())
        if name.startswith(SETTING)
    }
    passwords.write(file, settings, prefix="export ")
