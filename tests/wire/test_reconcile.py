"""The numbers of a running product agree at any moment, and a nano planted in its Redis is found."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import redis

from gateway.purses import balance_key
from tests.fakes import stack as product
from tests.wire.asking import COUNT, post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.stack import Member, Stack

ASKERS = 4


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Stack]:
    """A product of the test's own: in the others' one a test declares living processes to be gone."""
    with product.running(tmp_path, environ=os.environ) as running:  # noqa: TID251 - names the engines
        yield running


@pytest.fixture
def traffic(own: Stack) -> Iterator[list[Member]]:
    """Requests of three workspaces, one after the other on each of four lines, until the test is over."""
    members, over = own.members(3), threading.Event()

    def ask(line: int) -> int:
        count = 0
        while not over.is_set():
            answer = post(own.api_base, members[(line + count) % 3].key, messages=COUNT, max_completion_tokens=20)
            assert answer.status_code == 200, answer.text
            count += 1
        return count

    with ThreadPoolExecutor(ASKERS) as pool:
        lines = [pool.submit(ask, line) for line in range(ASKERS)]
        try:
            yield members
        finally:
            over.set()
    assert all(line.result() for line in lines)


def test_rule_30_beside_traffic_nothing_is_found_and_a_planted_nano_is(own: Stack, traffic: list[Member]) -> None:
    for _ in range(2):
        assert "All numbers agree." in own.manage("reconcile")
    purse = f"pylo:purse:{balance_key(UUID(traffic[0].workspace))}"
    with redis.Redis.from_url(own.env["REDIS_URL"]) as client:
        client.hincrby(purse, "total", 1)
    try:
        with pytest.raises(AssertionError, match="held in all"):
            own.manage("reconcile")
    finally:
        with redis.Redis.from_url(own.env["REDIS_URL"]) as client:
            client.hincrby(purse, "total", -1)
