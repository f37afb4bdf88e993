-- Count a request that left after its slot, and move the slots behind it.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock), 2 the slot (us), 3 by how much the request was later than it may be (us)
-- RETURNS how many there are
-- ERRORS none of its own
--
-- It stays in the API's second for that much longer than was reckoned with, so whoever would leave when it should have
-- left that second must leave as much later; never by more than an interval, which is the place of one request. What was
-- late within one second was held up by the same busy moment, so that is not added up: a request whose second the
-- slots were moved for already moves them by what is missing.

local now, slot, by = clock_us(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local state = redis.call('HMGET', limiter_key, 'interval_us', 'next_us', 'live_us', 'promised_us', 'delayed_from_us',
  'delayed_by_us')
local interval, delayed_from = tonumber(state[1]), tonumber(state[5] or 0)
by = math.min(by, interval or by)
local delayed_by = slot < delayed_from and now < delayed_from + SECOND_US and tonumber(state[6]) or 0
local from, rest = now + NOTICE_US, by - delayed_by

local function move_grants()
  local moved = {}
  local last = tonumber(redis.call('LINDEX', grants_key, -1))
  while last and last > from do
    moved[#moved + 1] = redis.call('RPOP', grants_key)
    last = tonumber(redis.call('LINDEX', grants_key, -1))
  end
  for i = #moved, 1, -1 do redis.call('RPUSH', grants_key, as_text(tonumber(moved[i]) + rest)) end
end

if interval and rest > 0 then
  move_grants()
  for i, name in ipairs({'next_us', 'live_us', 'promised_us'}) do
    local at = tonumber(state[i + 1])
    if at and at > from then redis.call('HSET', limiter_key, name, as_text(at + rest)) end
  end
  redis.call('HSET', limiter_key, 'delayed_from_us', as_text(from), 'delayed_by_us', as_text(by))
  give_notice('delay ' .. as_text(from) .. ' ' .. as_text(rest))
end
return redis.call('HINCRBY', limiter_key, 'late', 1)
