from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as live
from django.core.cache import caches
from django.test import Client

from pylo_site.cache import Backend
from tests.cast import PASSWORD, make_user

if TYPE_CHECKING:
    from django.core.cache.backends.base import BaseCache
    from pytest_django import Settings

NOBODY_LISTENS = "redis://127.0.0.1:20299/0"


def let_go(backend: BaseCache) -> None:
    """Close its sockets: a cache that is merely forgotten leaves that to the garbage collector, which complains."""
    assert isinstance(backend, Backend)
    backend._cache.get_client().connection_pool.disconnect()


@pytest.fixture
def away() -> Backend:
    return Backend(NOBODY_LISTENS, {})


def test_it_is_redis_while_redis_is_there() -> None:
    one, other = Backend(live.REDIS_URL, {}), Backend(live.REDIS_URL, {})
    one.set("shared", [1, 2], 30)
    assert other.get("shared") == [1, 2]
    assert other.delete("shared") is True
    assert one.get("shared", "gone") == "gone"
    let_go(one)
    let_go(other)


def test_without_redis_a_process_counts_for_itself_and_says_so(away: Backend, caplog: pytest.LogCaptureFixture) -> None:
    assert away.add("counted", 1, timeout=30) is True
    assert away.add("counted", 2, timeout=30) is False
    assert away.get("counted") == 1
    assert away.touch("counted", 60) is True
    assert away.delete("counted") is True
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


@pytest.mark.django_db
def test_without_redis_people_sign_in_and_guessers_are_still_limited(settings: Settings) -> None:
    let_go(caches["default"])
    settings.CACHES = {"default": {"BACKEND": "pylo_site.cache.Backend", "LOCATION": NOBODY_LISTENS}}
    caches["default"]._alone.clear()  # type: ignore[attr-defined]
    make_user("ada@example.com", password=PASSWORD)
    form = {"login": "ada@example.com", "password": PASSWORD}
    assert Client().post("/accounts/login/", form).status_code == 302
    wrong = [Client().post("/accounts/login/", form | {"password": "wrong wrong"}) for _ in range(6)]
    assert ["Too many attempts" in answer.content.decode() for answer in wrong] == [False] * 5 + [True]
