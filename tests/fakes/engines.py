"""A database and a Redis number of a stack's own, on the servers that the tests' environment names."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from django.db import connection
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER = "pylo:tests:owner"  # holds a Redis number against another run of the tests
OWNED_FOR = 3600  # seconds; a killed run gives its number back


def _at(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


def the_tests_database() -> str:
    """Return the URL of the database that pytest-django made, as a process without Django would be given it."""
    return _at(os.environ["DATABASE_URL"], str(connection.settings_dict["NAME"]))  # noqa: TID251 - names the engines


def at_port(url: str, port: int) -> str:
    """Return `url` by way of a port of this machine, with its login."""
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login}{at}127.0.0.1:{port}"))


@contextmanager
def database(server: str) -> Iterator[str]:
    """Create an empty database beside `server`'s, give its URL, and drop it afterwards whoever is still connected."""
    name = f"pylo_stack_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield _at(server, name)
        finally:
            administrator.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def redis_number(server: str) -> Iterator[str]:
    """Claim an empty numbered database of the Redis server, give its URL, and empty it afterwards."""
    with redis.Redis.from_url(server) as client:
        count = int(str(client.config_get("databases")["databases"]))
    for number in range(count - 1, 0, -1):
        url = _at(server, str(number))
        with redis.Redis.from_url(url) as client:
            if client.dbsize() != 0 or not client.set(OWNER, "1", nx=True, ex=OWNED_FOR):
                continue
            try:
                yield url
            finally:
                client.flushdb()
        return
    raise RuntimeError("no Redis number is free; set REDIS_URL to a server of the tests' own")
