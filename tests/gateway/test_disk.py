from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

import pytest

from gateway.disk import Disk

if TYPE_CHECKING:
    from pathlib import Path


NO_FILE = 1_000_000  # a descriptor that nobody has


@pytest.fixture
def file(tmp_path: Path) -> int:
    return os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)


async def synced(disk: Disk, *files: int, directory: int | None = None) -> OSError | None:
    loop = asyncio.get_running_loop()
    told: asyncio.Future[OSError | None] = loop.create_future()
    disk.sync(files, directory, loop, told.set_result)
    return await told


async def test_what_is_wished_for_is_synced_on_another_thread_and_told_on_ours(
    file: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda _: threads.append(threading.current_thread().name))
    disk = Disk()
    assert await synced(disk, file, file) is None
    assert threads == ["journal", "journal"]
    disk.close()


async def test_an_error_is_told_and_the_next_wish_is_heard(file: int) -> None:
    disk = Disk()
    error = await synced(disk, NO_FILE)
    assert error is not None
    assert "Bad file descriptor" in str(error)
    assert await synced(disk, file) is None
    disk.close()


async def test_the_names_are_synced_after_the_data(file: int, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda _: order.append("data"))
    monkeypatch.setattr(os, "fsync", lambda _: order.append("names"))
    disk = Disk()
    await synced(disk, file, directory=file)
    assert order == ["data", "names"]
    disk.close()


async def test_closing_waits_for_what_was_wished_for(file: int, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    monkeypatch.setattr(os, "fdatasync", done.append)
    disk = Disk()
    loop = asyncio.get_running_loop()
    for _ in range(3):
        disk.sync([file], None, loop, lambda _: None)
    disk.close()
    assert done == [file, file, file]


def test_a_loop_that_is_gone_does_not_end_the_thread(file: int) -> None:
    loop, disk = asyncio.new_event_loop(), Disk()
    loop.close()
    disk.sync([file], None, loop, lambda _: None)
    asyncio.run(synced_once(disk, file))
    disk.close()


async def synced_once(disk: Disk, file: int) -> None:
    assert await synced(disk, file) is None


def test_closing_what_was_never_used_is_nothing() -> None:
    Disk().close()
