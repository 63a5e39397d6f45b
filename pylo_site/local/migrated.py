"""Remembers what a database was migrated to, as a comment on the database itself: it goes where the data go."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from pathlib import Path

REMEMBERED = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"


def mark(root: Path) -> str:
    """Return what our migrations and the packages that bring some look like."""
    files = sorted(root.glob("*/migrations/*.py"))
    told = b"".join(str(file.relative_to(root)).encode() + file.read_bytes() for file in files)
    return "migrated to " + hashlib.sha256(told + (root / "requirements.txt").read_bytes()).hexdigest()


def remembered(url: str) -> str:
    """Return the mark of the last migration; empty when there was none, or when the database cannot be asked."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute(REMEMBERED).fetchone()
    except psycopg.Error:
        return ""
    return str(row[0] or "") if row else ""


def remember(url: str, text: str) -> None:
    """Leave the mark; whoever may not comment on the database migrates at every start."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            name = sql.Identifier(connection.info.dbname)
            connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(text)))
    except psycopg.Error:
        return
