from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import redis

from pylo_site.local import binaries, engines, places

if TYPE_CHECKING:
    from pathlib import Path

GIVEN = {"PATH": os.environ["PATH"], "DATABASE_URL": "postgresql://not-started"}


def asked(var: Path, word: str) -> object:
    where, search = places.prepare(var), binaries.Search(GIVEN["PATH"])
    engine = engines.running(where, GIVEN, search=search, say=lambda _: None)
    with engine as running, redis.Redis.from_url(running.redis_url) as client:
        before = client.get("word")
        client.set("word", word)
        return before


def test_what_was_written_is_there_after_an_ordinary_end(var: Path) -> None:
    assert asked(var, "kept") is None
    assert asked(var, "again") == b"kept"


def test_a_folder_that_cannot_be_read_back_is_put_aside(var: Path) -> None:
    asked(var, "lost")
    for file in (var / "valkey" / "appendonlydir").glob("*.manifest"):
        file.write_text("nonsense\n")
    assert asked(var, "new") is None
    assert (var / "valkey.broken").is_dir()


def test_it_lets_nobody_in_without_its_password(var: Path) -> None:
    where, search = places.prepare(var), binaries.Search(GIVEN["PATH"])
    with engines.running(where, GIVEN, search=search, say=lambda _: None) as running:
        stranger = redis.Redis.from_url("redis://" + running.redis_url.partition("@")[2])
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
