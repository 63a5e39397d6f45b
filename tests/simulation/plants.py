"""Bugs that gateways have had, planted into ours for the length of a block, to see that the simulation finds them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.admission import Admission
from gateway.answer import Answer
from gateway.app import Gateway
from gateway.claims import Claims
from gateway.deltas import Delta
from gateway.dialects.reading import ChunkReader
from gateway.errors import ClientGone
from gateway.leases import Lease
from gateway.meter import Meter
from gateway.usage import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import CoroutineType

    from gateway.usage import RequestRecord

Bug = Callable[[Any], object]  # is given what is sound, and returns what is not


@contextmanager
def planted(owner: Any, name: str, bug: Bug) -> Iterator[None]:
    sound = owner.__dict__[name]
    setattr(owner, name, bug(sound))
    try:
        yield
    finally:
        setattr(owner, name, sound)


def failover_after_the_first_token() -> AbstractContextManager[None]:
    def bug(sound: Any) -> object:
        async def first_token(self: Answer) -> None:
            await sound(self)
            if not self.ended:
                self.held += (
                    await self.read()
                )  # to fill a buffer, perhaps; what fails here goes on to the next upstream

        return first_token

    return planted(Answer, "first_token", bug)


def a_leaked_permit() -> AbstractContextManager[None]:
    def bug(sound: Any) -> object:
        @asynccontextmanager
        async def permit(self: Admission, *asked: Any) -> AsyncIterator[Any]:
            async with sound(self, *asked) as held:
                try:
                    yield held
                except ClientGone:
                    self.in_flight += 1
                    raise

        return permit

    return planted(Admission, "permit", bug)


def a_leaked_place() -> AbstractContextManager[None]:
    def bug(sound: Any) -> object:
        def failed(self: Lease, fault: Any, now: float) -> None:
            sound(self, fault, now)
            self._released = True  # whoever fails has given back already, hasn't he

        return failed

    return planted(Lease, "failed", bug)


@contextmanager
def a_role_counted_as_a_token() -> Iterator[None]:
    def reads(sound: Any) -> object:
        def read(self: ChunkReader, name: bytes, data: bytes) -> Delta | None:
            delta: Delta | None = sound(self, name, data)
            return Delta(content="") if delta is None and b'"role"' in data else delta

        return read

    def commits(sound: Any) -> object:
        async def first_token(self: Answer) -> None:
            while not self.held and not self.ended:
                self.held += await self.read()

        return first_token

    with planted(ChunkReader, "read", reads), planted(Answer, "first_token", commits):
        yield


def a_charge_for_a_broken_answer() -> AbstractContextManager[None]:
    def bug(sound: Any) -> object:
        def broke(self: Meter, error: BaseException, **how: Any) -> RequestRecord | None:
            record: RequestRecord | None = sound(self, error, **how)
            if record is not None and record.outcome is Outcome.UPSTREAM_CUT:
                return replace(record, outcome=Outcome.COMPLETED)
            return record

        return broke

    return planted(Meter, "broke", bug)


def a_call_before_the_disk_has_the_admission() -> AbstractContextManager[None]:
    def bug(sound: Any) -> object:
        async def durably(self: Gateway, writing: CoroutineType[Any, Any, None], *rest: Any) -> None:
            if writing.cr_code.co_name == "sync":
                writing.close()  # it works in the background, doesn't it
            else:
                await sound(self, writing, *rest)

        return durably

    return planted(Gateway, "_durably", bug)


def a_retry_let_through() -> AbstractContextManager[None]:
    def bug(_: Any) -> object:
        def refuse(self: Claims, asked: Any, known: Any) -> None:
            """Refuse nobody."""

        return refuse

    return planted(Claims, "_refuse", bug)
