"""Where the processes meet on Redis: one script a tick, in Redis's own time.

| key `pylo:brk:…` | what | kept |
|---|---|---|
| `counts:UPSTREAM:SECOND` | hash: outcomes of that second, of all processes | 90 s |
| `open:UPSTREAM:HOST:PROCESS` | why that process's breaker is open | as long as it is |
| `opens:UPSTREAM` | set of those processes | 90 s |
| `epoch:UPSTREAM` | how often a probe found it well; what is older is refused | an hour |
| `probe:UPSTREAM` | who may probe it | 10 s |
| `processes` | those that told something lately, by when | 90 s |
| `tick:HOST:PROCESS` | the number of its last telling | 90 s |
| `view:HOST:PROCESS` | JSON: its upstreams, for people | 5 s |
| `orders` | counts an operator's orders | for good |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gateway.breaker.views import Counts, FleetView, RemoteOpen
from gateway.ports import Heard
from gateway.stores.redis import Script

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.ports import Told
    from gateway.stores.redis import Redis

PROBE_MS = 10_000
GONE_SECONDS = 5

# ARGV: host, process, tick, views; then for each upstream its name, five counts, milliseconds open or 0, the reason,
# the epoch, 1 if recovered. The names of seconds come from Redis's clock, so no key can be given beforehand.
EXCHANGE = Script(f"""
local at = 'pylo:brk:'
local member = ARGV[1] .. ':' .. ARGV[2]
local time = redis.call('TIME')
local second = tonumber(time[1])
local now = second * 1000 + math.floor(tonumber(time[2]) / 1000)
local fresh = tonumber(redis.call('GET', at .. 'tick:' .. member) or 0) < tonumber(ARGV[3])
if fresh then
  redis.call('SET', at .. 'tick:' .. member, ARGV[3], 'EX', 90)
  redis.call('SET', at .. 'view:' .. member, ARGV[4], 'EX', {GONE_SECONDS})
  redis.call('ZADD', at .. 'processes', now, member)
  redis.call('EXPIRE', at .. 'processes', 90)
end
redis.call('ZREMRANGEBYSCORE', at .. 'processes', '-inf', '(' .. now - {GONE_SECONDS * 1000})

local fields = {{'ok', 'slow', 'failed', 'throttled', 'waiting'}}
local function tell(i, name, epoch)
  local counts = at .. 'counts:' .. name .. ':' .. second
  for f = 1, 5 do
    if ARGV[i + f] ~= '0' then
      redis.call('HINCRBY', counts, fields[f], ARGV[i + f])
      redis.call('EXPIRE', counts, 90)
    end
  end
  local known = tonumber(ARGV[i + 8])
  local recovered = tonumber(ARGV[i + 9])
  local later = math.max(epoch, known) + recovered
  if later > 0 then redis.call('SET', at .. 'epoch:' .. name, later, 'EX', 3600) end
  local opens = at .. 'opens:' .. name
  if recovered == 1 then
    for _, each in ipairs(redis.call('SMEMBERS', opens)) do redis.call('DEL', at .. 'open:' .. name .. ':' .. each) end
    redis.call('DEL', opens)
  elseif ARGV[i + 6] ~= '0' and known == later then
    redis.call('SET', at .. 'open:' .. name .. ':' .. member, ARGV[i + 7], 'PX', ARGV[i + 6])
    redis.call('SADD', opens, member)
    redis.call('EXPIRE', opens, 90)
  else
    redis.call('DEL', at .. 'open:' .. name .. ':' .. member)
    redis.call('SREM', opens, member)
  end
  return later
end
local function seconds(name)
  local found = {{}}
  for ago = 29, 0, -1 do
    found[30 - ago] = redis.call('HMGET', at .. 'counts:' .. name .. ':' .. second - ago, unpack(fields))
  end
  return found
end
local function open(name)
  local found = {{}}
  for _, each in ipairs(redis.call('SMEMBERS', at .. 'opens:' .. name)) do
    local key = at .. 'open:' .. name .. ':' .. each
    local reason = redis.call('GET', key)
    if not reason then
      redis.call('SREM', at .. 'opens:' .. name, each)
    elseif each ~= member then
      found[#found + 1] = {{each, redis.call('PTTL', key), reason}}
    end
  end
  return found
end

local heard = {{}}
for i = 5, #ARGV, 10 do
  local epoch = tonumber(redis.call('GET', at .. 'epoch:' .. ARGV[i]) or 0)
  if fresh then epoch = tell(i, ARGV[i], epoch) end
  heard[#heard + 1] = {{epoch, seconds(ARGV[i]), open(ARGV[i])}}
end
local orders = tonumber(redis.call('GET', at .. 'orders') or 0)
return {{orders, redis.call('ZRANGE', at .. 'processes', 0, -1), heard}}
""")

LEASE = Script(f"""
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', {PROBE_MS})
return 1
""")

FREE = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
""")


class RedisFleet:
    """The `FleetStore` of a process."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def exchange(self, told: Told) -> Heard:
        orders, processes, heard = await self._redis.run(EXCHANGE, (), tuple(_words(told)))
        hosts = {_host(each) for each in processes}
        answers = dict(zip(told.upstreams, heard, strict=True))
        return Heard(
            views={name: _view(hosts | {told.host}, *answer[1:]) for name, answer in answers.items()},
            epochs={name: answer[0] for name, answer in answers.items()},
            orders=orders,
        )

    async def lease_probe(self, upstream: str, holder: str) -> bool:
        return bool(await self._redis.run(LEASE, (f"pylo:brk:probe:{upstream}",), (holder,)))

    async def free_probe(self, upstream: str, holder: str) -> None:
        await self._redis.run(FREE, (f"pylo:brk:probe:{upstream}",), (holder,))


def _words(told: Told) -> Iterator[str | int | bytes]:
    yield from (told.host, told.process, told.tick, msgspec.json.encode(told.views))
    for name, telling in told.upstreams.items():
        counts, open_ = telling.counts, telling.open
        yield from (name, counts.ok, counts.slow, counts.failed, counts.throttled, counts.waiting)
        yield from (0, "") if open_ is None else (max(1, round(open_.remaining * 1000)), open_.reason)
        yield from (telling.epoch, int(telling.recovered))


def _view(hosts: set[str], seconds: Sequence[Sequence[bytes | None]], open_: Sequence[Sequence[Any]]) -> FleetView:
    others = tuple(RemoteOpen(_host(who), left / 1000, reason.decode()) for who, left, reason in open_)
    return FleetView(
        seconds=tuple(Counts(*(int(count or 0) for count in counts)) for counts in seconds),
        hosts=len(hosts | {other.host for other in others}),
        open=others,
    )


def _host(member: bytes) -> str:
    return member.decode().rpartition(":")[0]
