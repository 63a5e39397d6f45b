"""The secrets of a private installation: made once, in a file that only its owner may read."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    *("PYLO_SECRET_KEY", "PYLO_KEY_PEPPERS", "PYLO_PAYMENTS_SECRET", "PYLO_METRICS_TOKEN"),
    *("PYLO_RECEIPT_KEYS", "POSTGRES_PASSWORD", "REDIS_PASSWORD"),
)


def _made(name: str) -> str:
    return secrets.token_hex(32) if name == "PYLO_RECEIPT_KEYS" else secrets.token_urlsafe(48)


def read_or_make(path: Path) -> dict[str, str]:
    """Return every secret of `NAMES`; those the file does not have yet are made and added to it."""
    found: dict[str, str] = {}
    if path.exists():
        pairs = (line.partition("=") for line in path.read_text().splitlines() if not line.startswith("#"))
        found = {name.strip(): value.strip() for name, _, value in pairs if value.strip()}
    missing = {name: _made(name) for name in NAMES if name not in found}
    if missing:
        write(path, found | missing)
    return found | missing


def write(path: Path, values: dict[str, str], *, prefix: str = "") -> None:
    """Replace `path` in one step, so that a kill leaves the old file or the new one; mode 0600 from the start."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{prefix}{name}={value}\n" for name, value in values.items())
    new.replace(path)
