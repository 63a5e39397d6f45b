"""Records for tests."""

from __future__ import annotations

from uuid import UUID

from gateway.meter import Admitted, Meter
from gateway.tries import Tries
from gateway.usage import RequestRecord, Tokens


def make_admitted(number: int = 1) -> Admitted:
    return Admitted(
        uid=UUID(int=number),
        request_id=f"req-{number}",
        workspace_id=UUID(int=100),
        key_id=UUID(int=101),
        price_id=UUID(int=102),
        model="moonshotai/kimi-k2.6",
        stream=True,
        admitted_at_ms=1_795_382_400_000,
    )


def make_record(number: int = 1) -> RequestRecord:
    meter = Meter(make_admitted(number), lambda: 0, Tries())
    meter.usage = Tokens(prompt=10, cached=4, completion=3, reasoning=1)
    record = meter.completed(at_ms=1_795_382_401_000)
    assert record is not None
    return record
