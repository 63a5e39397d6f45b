"""Limits in Redis: one script lets a request in or not, by Redis's clock, so all processes count as one.

A holder (a workspace, or a key with lower limits) has two entries: `b`, the moments in microseconds at which its
buckets are full, gone once they are; and `c`, who runs and until when its place is kept unless it is renewed. A process
that dies renews nothing, so its places come back. A flushed Redis has full buckets; what runs is known again after a
renewal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.limits import Answer, Kind, Level, cost
from gateway.ports import StoreUnavailable
from gateway.stores.purse_scripts import LOOK, RELEASE
from gateway.stores.purses import PREFIX
from gateway.stores.redis import Script
from gateway.stores.resp import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.limits import Asking
    from gateway.stores.purses import RedisPurses
    from gateway.stores.redis import Redis
    from gateway.stores.resp import Word

KINDS = (None, Kind.REQUESTS, Kind.TOKENS, Kind.CONCURRENT, Kind.MONEY, Kind.AT_HAND, Kind.UNMADE)
PROCESSES = "pylo:lim:processes"
LEASE = 30_000_000  # microseconds

# Two holders at most, and no loop that grows. A bucket's level is how long until it is full.
LEVELS = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local function levels(key)
  local requests, tokens = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
  return math.max((requests or 0) - now, 0), math.max((tokens or 0) - now, 0)
end
local function keep(key, requests, tokens)
  local until_full = math.ceil(math.max(requests, tokens) / 1000) + 1
  redis.call('SET', key, string.format('%.0f %.0f', now + requests, now + tokens), 'PX', until_full)
end
"""
# KEYS: two of each holder, then the purses. ARGV: uid, lease, how many holders, then for each its price of a request
# and of the tokens, and how many may run; then what the purses need
TAKE = Script(
    LEVELS
    + LOOK
    + """
local lease, minute, holders = tonumber(ARGV[2]), 60000000, tonumber(ARGV[3])
local kind, worst, wait, granted, free = 0, 0, 0, 0, {}
local told, requests, tokens = {0, 0, 0, 0}, {}, {}
for i = 1, holders do
  local r, t = levels(KEYS[2 * i - 1])
  requests[i], tokens[i] = r, t
  local r_wait, t_wait = r + ARGV[3 * i + 1] - minute, t + ARGV[3 * i + 2] - minute
  if r_wait > wait then kind, worst, wait = 1, i - 1, r_wait end
  if t_wait > wait then kind, worst, wait = 2, i - 1, t_wait end
  local running, most = KEYS[2 * i], tonumber(ARGV[3 * i + 3])
  if kind == 0 and redis.call('ZCARD', running) >= most then
    redis.call('ZREMRANGEBYSCORE', running, '-inf', now)
    if redis.call('ZCARD', running) >= most then kind, worst = 3, i - 1 end
  end
end
local first, at = 2 * holders + 1, 3 * holders + 3
if kind == 0 and KEYS[first] then kind, worst, granted, free = look(first, at) end
for i = 1, holders do
  if kind == 0 then
    requests[i], tokens[i] = requests[i] + ARGV[3 * i + 1], tokens[i] + ARGV[3 * i + 2]
    keep(KEYS[2 * i - 1], requests[i], tokens[i])
    redis.call('ZADD', KEYS[2 * i], string.format('%.0f', now + lease), ARGV[1])
    redis.call('PEXPIRE', KEYS[2 * i], math.ceil(lease / 1000))
  end
  told[2 * i + 3], told[2 * i + 4] = requests[i], tokens[i]
end
if kind == 0 and KEYS[first] then hold(first, at, ARGV[at + 3] + granted * ARGV[at + 4], free) end
for i = 1, #free do told[2 * holders + 4 + i] = free[i] end
told[1], told[2], told[3], told[4] = kind, worst, wait, granted
return told
"""
)
# KEYS: as above. ARGV: uid, how many holders, for each by how much its tokens cost more than was taken for them; then
# what the purses need
END = Script(
    LEVELS
    + RELEASE
    + """
local deepest, holders = 120000000, tonumber(ARGV[2])
for i = 1, holders do
  local more = tonumber(ARGV[i + 2])
  if redis.call('ZREM', KEYS[2 * i], ARGV[1]) == 1 and more ~= 0 then
    local r, t = levels(KEYS[2 * i - 1])
    keep(KEYS[2 * i - 1], r, math.min(math.max(t + more, 0), math.max(deepest, t)))
  end
end
if KEYS[2 * holders + 1] then release(2 * holders + 1, holders + 2) end
"""
)
# ARGV: the process's name, lease, then the uid that runs under each further key
RENEW = Script("""
local clock = redis.call('TIME')
local now, lease = clock[1] * 1000000 + clock[2], tonumber(ARGV[2])
local ends = string.format('%.0f', now + lease)
for i = 2, #KEYS do
  redis.call('ZADD', KEYS[i], ends, ARGV[i + 1])
  redis.call('PEXPIRE', KEYS[i], math.ceil(lease / 1000))
end
redis.call('ZADD', KEYS[1], ends, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(lease / 1000))
return redis.call('ZCARD', KEYS[1])
""")


def _keys(asking: Asking) -> list[str]:
    """Return `b` and `c` of each holder. The braces put all of a workspace into one slot of a cluster."""
    of = f"pylo:lim:{{{asking.workspace_id.hex}}}:"
    return [f"{of}{holder.name}{entry}" for holder in asking.holders for entry in (":b", ":c")]


class RedisLimits:
    """A `LimitStore`. `process` names this one; never twice, whatever is restarted."""

    def __init__(self, redis: Redis, process: str, purses: RedisPurses, *, lease: int = LEASE) -> None:
        self._redis = redis
        self._process = process
        self._purses = purses
        self._lease = lease
        purses.scripts += [TAKE, END]

    async def take(self, asking: Asking, held: Callable[[int], None]) -> Answer:
        generation = self._purses.generation
        args: list[Word] = [asking.uid.bytes, self._lease, len(asking.holders)]
        for holder in asking.holders:
            limits = holder.limits
            args.append(cost(1, limits.requests_per_minute))
            args.append(cost(asking.tokens, limits.tokens_per_minute))
            args.append(limits.concurrent_requests)
        wanted = asking.wanted
        args += [self._purses.name, self._purses.epoch, wanted.prompt_nanos, wanted.token_nanos]
        args += [wanted.want, wanted.least, int(wanted.soft)]

        def heard(reply: Any) -> None:
            if not isinstance(reply, Refusal) and not reply[0] and generation == self._purses.generation:
                held(reply[3])

        keys = [*_keys(asking), *(PREFIX + purse for purse in asking.purses)]
        kind, worst, wait, granted, *rest = await self._redis.run(TAKE, keys, args, heard)
        if generation != self._purses.generation:  # told anew meanwhile, without this
            raise StoreUnavailable("another life")
        levels = rest[: 2 * len(asking.holders)]
        pairs = zip(levels[::2], levels[1::2], strict=True)
        stands = tuple(Level(requests, tokens) for requests, tokens in pairs)
        return Answer(stands, KINDS[kind], worst, wait, granted, tuple(rest[len(levels) :]))

    def end(self, asking: Asking, tokens: int, freed: int = 0) -> None:
        more = [
            cost(tokens, holder.limits.tokens_per_minute) - cost(asking.tokens, holder.limits.tokens_per_minute)
            for holder in asking.holders
        ]
        keys = _keys(asking)
        args: list[Word] = [asking.uid.bytes, len(more), *more]
        if freed:
            keys += [PREFIX + purse for purse in asking.purses]
            args += [self._purses.name, self._purses.epoch, freed]
        self._redis.post(END, keys, args)

    async def renew(self, running: Sequence[Asking]) -> int:
        keys, uids = [PROCESSES], list[bytes]()
        for asking in running:
            own = _keys(asking)[1::2]
            keys += own
            uids += [asking.uid.bytes] * len(own)
        return int(await self._redis.run(RENEW, keys, [self._process, self._lease, *uids]))
