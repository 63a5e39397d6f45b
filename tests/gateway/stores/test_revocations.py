from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.stores.revocations import _hear

if TYPE_CHECKING:
    from uuid import UUID


class Deaf:
    """A channel that loses a cancellation which comes with its answer, as `asyncio.wait_for` does on Python 3.11."""

    async def get_message(self, timeout: float) -> None:  # noqa: ASYNC109 - redis-py's signature
        try:
            await asyncio.sleep(timeout)
        except asyncio.CancelledError:
            return


class Cache:
    def drop(self, key_id: UUID) -> None:  # noqa: ARG002 - the port's signature
        raise AssertionError

    def distrust(self) -> None:
        raise AssertionError


def test_listening_ends_also_when_its_cancellation_is_lost_on_the_way() -> None:
    async def main() -> None:
        listening = asyncio.get_running_loop().create_task(_hear(Deaf(), Cache()))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        listening.cancel()
        done, _ = await asyncio.wait({listening}, timeout=1)
        assert done == {listening}
        assert listening.cancelled()

    asyncio.run(main())
