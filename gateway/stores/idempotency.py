"""Claims in Redis: one key for each request whose client chose an id; its value is what `gateway.idempotency` packs.

Every claim is one script, so of all processes one gets it. A claim that is not renewed ends with its lease. `MARKER`
has the moment since when nothing was lost: Redis may be emptied at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.idempotency import KEPT_MS, LEASE_MS, Running, pack, unpack
from gateway.ports import Claimed
from gateway.stores.redis import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.idempotency import Done, Identity
    from gateway.stores.redis import Redis

MARKER = "pylo:once-since"

CLAIM = Script("""
local now = redis.call('TIME')[1]
local since = redis.call('GET', KEYS[1])
if not since then
    since = now
    redis.call('SET', KEYS[1], now)
end
local known = false
for index = 2, #KEYS do
    known = known or redis.call('GET', KEYS[index])
end
if not known then
    redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
end
return {now - since, known}
""")
RENEW = Script("""
for index, key in ipairs(KEYS) do
    local known = redis.call('GET', key)
    if not known or known == ARGV[index + 1] then
        redis.call('SET', key, ARGV[index + 1], 'PX', ARGV[1])
    end
end
""")
COMPLETE = Script("""
local known = redis.call('GET', KEYS[1])
if not known or known:sub(1, 1) ~= 'D' then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
""")
FREE = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
""")


class RedisClaims:
    """A `ClaimStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def claim(self, asked: Identity) -> Claimed:
        age, known = await self._redis.run(CLAIM, [MARKER, *asked.names], [_running(asked), LEASE_MS])
        return Claimed(None if known is None else unpack(known), whole=age * 1000 >= KEPT_MS)

    async def renew(self, running: Sequence[Identity]) -> None:
        names = [asked.names[0] for asked in running]
        await self._redis.run(RENEW, names, [LEASE_MS, *map(_running, running)])

    async def complete(self, asked: Identity, done: Done, keep_ms: int) -> None:
        await self._redis.run(COMPLETE, asked.names[:1], [pack(done), keep_ms])

    async def free(self, asked: Identity) -> None:
        await self._redis.run(FREE, asked.names[:1], [_running(asked)])


def _running(asked: Identity) -> bytes:
    return pack(Running(asked.uid, asked.digests[0]))
