"""Purses as Redis has them: for reconciliation, which knows no Redis."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

import redis

from billing.reconciliation.check import NotCompared
from billing.reconciliation.purses import Held, Purse
from gateway.purses import BALANCE
from pylo_site import impatient, upstream_states

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EPOCH: Final = "pylo:purses:epoch"  # gateway/stores/purses.py writes both
PREFIX: Final = "pylo:purse:"
AT_ONCE: Final = 500
PATIENCE_SECONDS: Final = 10.0  # nobody waits for it as for a page
OWN: Final = re.compile(r"n(.*):(\d+)", re.DOTALL)


class RedisPurses:
    """The `Purses` of reconciliation. Reads only."""

    def read(self) -> Iterator[list[Purse]]:
        try:
            with impatient.client(PATIENCE_SECONDS) as client:
                epoch = _epoch(client)
                cursor = -1
                while epoch and cursor != 0:
                    cursor, names = cast(
                        "tuple[int, list[bytes]]", client.scan(max(cursor, 0), match=f"{PREFIX}*", count=AT_ONCE)
                    )
                    yield _purses(client, [*dict.fromkeys(names)], epoch)
        except redis.RedisError as error:
            raise NotCompared(f"Redis does not answer ({type(error).__name__})") from None

    def running(self) -> int | None:
        told = upstream_states.read()
        return sum(each.in_flight for each in told.upstreams) if told.available else None


def _epoch(client: redis.Redis) -> bytes | None:
    """Return the word for this life of Redis; None where no process told anything in it."""
    epoch = cast("bytes | None", client.get(EPOCH))
    run = cast("Mapping[str, object]", client.info("server")).get("run_id", "")
    return epoch if epoch and epoch.startswith(str(run).encode()) else None


def _purses(client: redis.Redis, names: list[bytes], epoch: bytes) -> list[Purse]:
    with client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.hgetall(name)
        told = cast("list[dict[bytes, bytes]]", pipeline.execute())
    here = zip(names, told, strict=True)
    read = (_purse(name.decode(), fields) for name, fields in here if fields.get(b"epoch") == epoch)
    return [purse for purse in read if purse is not None]


def _purse(key: str, fields: Mapping[bytes, bytes]) -> Purse | None:
    """Read one; None where it is spelled as another release does it."""
    name = key.removeprefix(PREFIX)
    texts = {field.decode(): value.decode() for field, value in fields.items()}
    own = [(OWN.fullmatch(field), int(value)) for field, value in texts.items() if field.startswith("n")]
    held = [(match[1], int(match[2]), nanos) for match, nanos in own if match]
    try:
        workspace, period, *rest = name.split(":")
        start, key_id = rest or ("", "")
        return Purse(
            name=name,
            workspace_id=UUID(workspace),
            period="" if period == BALANCE else period,
            starts_on=date.fromisoformat(start) if start else None,
            key_id=UUID(key_id) if key_id else None,
            version=int(texts.get("version", "0")),
            left=int(texts["left"]) if "left" in texts else None,
            total=int(texts.get("total", "0")),
            held=tuple(
                Held(process, generation, nanos, int(texts.get(f"e{process}:{generation}", "0")))
                for process, generation, nanos in held
            ),
        )
    except ValueError:
        return None
