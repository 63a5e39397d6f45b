"""The Lua of purses (gateway/stores/purses.py has their shape). Amounts are whole nano-dollars below 2^53."""

from __future__ import annotations

from gateway.stores.redis import Script

# KEYS: epoch, told. ARGV: a random word. A restarted Redis may have its data of before: that is another life too.
EPOCH = Script("""
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
local epoch = redis.call('GET', KEYS[1])
if epoch and string.sub(epoch, 1, #run) == run then return epoch end
redis.call('DEL', KEYS[2])
epoch = run .. ':' .. ARGV[1]
redis.call('SET', KEYS[1], epoch)
return epoch
""")

_CHANGE = """
local function change(key, field, by)
  local number = redis.call('HINCRBY', key, 'n' .. field, by)
  redis.call('HINCRBY', key, 'total', by)
  return number
end
local function forget(key, field)
  local number = redis.call('HGET', key, 'n' .. field)
  if number then redis.call('HINCRBY', key, 'total', string.format('%.0f', 0 - number)) end
  redis.call('HDEL', key, 'n' .. field, 'e' .. field)
end
local function live(key, epoch)
  local of = redis.call('HGET', key, 'epoch')
  if of == epoch then return end
  if of then redis.call('DEL', key) end
  redis.call('HSET', key, 'epoch', epoch)
end
"""
# KEYS: epoch, purses. ARGV: epoch, writer, generation, then of each purse the number and the escrow in it
TELL = Script(
    _CHANGE
    + """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local writer, own = ARGV[2], tonumber(ARGV[3])
for i = 2, #KEYS do
  local key, late = KEYS[i], false
  live(key, ARGV[1])
  for _, field in ipairs(redis.call('HKEYS', key)) do
    local name, generation = string.match(field, '^n(.*):(%d+)$')
    if name == writer then
      if tonumber(generation) > own then late = true else forget(key, string.sub(field, 2)) end
    end
  end
  if not late then
    local field = writer .. ':' .. ARGV[3]
    change(key, field, ARGV[2 * i])
    redis.call('HSET', key, 'e' .. field, ARGV[2 * i + 1])
    redis.call('PERSIST', key)
  end
end
return 1
"""
)
# KEYS: epoch, told. ARGV: epoch, writer
JOIN = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SADD', KEYS[2], ARGV[2])
return 1
""")
# KEYS: epoch, told, purses. ARGV: epoch, writer, name, version, whether purses may be made, the least escrow, how many
# writers and buried follow, those, and of each purse what is left ('': the budget is gone), what of the own number is
# recorded, the escrow in it, and which part of what is available it is to be (0: none).
# Until its purse is made, the escrow stays what it is: requests are let in out of it.
# A smaller version is an older look: all that it has is part of what the newer one left.
REFRESH = Script(
    _CHANGE
    + """
local epoch, writer, name, version = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if redis.call('GET', KEYS[1]) ~= epoch then return {0} end
local least, writers, buried = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local told, known, dead, at = 1, {[writer] = true}, {}, 8
for i = at + 1, at + writers do
  known[ARGV[i]] = true
  if redis.call('SISMEMBER', KEYS[2], ARGV[i]) == 0 then told = 0 end
end
at = at + writers
for i = at + 1, at + buried do
  dead[ARGV[i]] = true
  redis.call('SREM', KEYS[2], ARGV[i])
end
at = at + buried
local escrows, numbers, mades, strange, strangers = {}, {}, {}, {}, {}
for i = 3, #KEYS do
  local key, left, recorded = KEYS[i], ARGV[at + 1], ARGV[at + 2]
  local escrow, parts = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  at = at + 4
  live(key, epoch)
  local before = tonumber(redis.call('HGET', key, 'version'))
  if left == '' then
    redis.call('HDEL', key, 'made')
  elseif not before or version >= before then
    redis.call('HSET', key, 'version', ARGV[4], 'left', left)
  end
  if left ~= '' and ARGV[5] == '1' and told == 1 then redis.call('HSET', key, 'made', epoch) end
  for _, field in ipairs(redis.call('HKEYS', key)) do
    local whose = string.match(field, '^n(.*):%d+$')
    if whose and (dead[whose] or (whose == writer and field ~= 'n' .. name)) then
      forget(key, string.sub(field, 2))
    elseif whose and not known[whose] then
      strange[whose] = true
    end
  end
  local number = change(key, name, recorded == '0' and 0 or '-' .. recorded)
  local now = redis.call('HMGET', key, 'made', 'left', 'total')
  local free, target = (tonumber(now[2]) or 0) - now[3], 0
  if now[1] == epoch and parts > 0 then
    target = math.floor(math.max(free + escrow, 0) / parts)
    if target < least then target = 0 end
  elseif left ~= '' and parts > 0 then
    target = escrow
  end
  if target ~= escrow then
    number = change(key, name, string.format('%.0f', target - escrow))
  end
  if number == 0 then forget(key, name) else redis.call('HSET', key, 'e' .. name, string.format('%.0f', target)) end
  if redis.call('HGET', key, 'total') == '0' then redis.call('EXPIRE', key, 3600) else redis.call('PERSIST', key) end
  escrows[i - 2], numbers[i - 2], mades[i - 2] = target - escrow, number, now[1] == epoch and 1 or 0
end
for whose in pairs(strange) do strangers[#strangers + 1] = whose end
return {1, told, escrows, numbers, mades, strangers}
"""
)

# A part of the scripts of limits: of what `purses` find, and what of it is held.
# Needs KEYS from `first` on, ARGV from `at` + 1 on: name, epoch, prompt's cost, a token's, tokens wanted, least, soft.
LOOK = """
local function fits(free, prompt, token, want, soft)
  if token == 0 then return free >= prompt and want or -1 end
  local tokens = math.floor((free - prompt) / token)
  if soft then tokens = math.min(tokens, math.max(4096, math.floor(math.floor(free / 8) / token))) end
  return math.min(tokens, want)
end
local function at_hand(key)
  local sum, all = 0, redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 1) == 'e' and all[i] ~= 'epoch' then sum = sum + all[i + 1] end
  end
  return sum
end
local function look(first, at)
  local prompt, token, want = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local least, soft = tonumber(ARGV[at + 6]), ARGV[at + 7] == '1'
  local granted, poorest, free, short = want, 0, {}, 4
  for i = first, #KEYS do
    local purse = redis.call('HMGET', KEYS[i], 'made', 'left', 'total')
    if purse[1] ~= ARGV[at + 2] then return 6, i - first, 0, {} end
    free[i - first + 1] = purse[2] - purse[3]
    local tokens = fits(free[i - first + 1], prompt, token, want, soft)
    if tokens < granted then granted, poorest = tokens, i - first end
  end
  if granted >= least then return 0, 0, granted, free end
  for i = first, #KEYS do
    local could = fits(free[i - first + 1] + at_hand(KEYS[i]), prompt, token, want, soft)
    if could < least then return 4, poorest, 0, free end
  end
  return 5, poorest, 0, free
end
local function hold(first, at, nanos, free)
  local by = string.format('%.0f', nanos)
  for i = first, #KEYS do
    redis.call('HINCRBY', KEYS[i], 'n' .. ARGV[at + 1], by)
    redis.call('HINCRBY', KEYS[i], 'total', by)
    redis.call('PERSIST', KEYS[i])
    free[i - first + 1] = free[i - first + 1] - nanos
  end
end
"""
# Needs KEYS from `first` on, ARGV from `at` + 1 on: name, epoch, and by how much less is held.
RELEASE = """
local function release(first, at)
  local less = tonumber(ARGV[at + 3])
  for i = first, #KEYS do
    local purse = redis.call('HMGET', KEYS[i], 'epoch', 'n' .. ARGV[at + 1])
    if purse[1] == ARGV[at + 2] and purse[2] and tonumber(purse[2]) >= less then
      redis.call('HINCRBY', KEYS[i], 'n' .. ARGV[at + 1], '-' .. ARGV[at + 3])
      redis.call('HINCRBY', KEYS[i], 'total', '-' .. ARGV[at + 3])
    end
  end
end
"""
SCRIPTS = (EPOCH, TELL, JOIN, REFRESH)
