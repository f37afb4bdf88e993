-- Close the gate for the whole fleet.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock), 2 reason: rate_limited | unauthorized | wrong_address | by_hand,
--       3 detail, 4 wait (us): the API's Retry-After, 5-9 limits of the settings as in acquire, 10 longest wait (us)
--       that speaks of the limit a second, and so widens the margin, 11 shortest one that speaks of the day, and so
--       teaches that others use its budget too
-- RETURNS 1 if it closed the gate or moved its end, 0 if it was closed for this or a graver reason
-- ERRORS unknown_reason

local now, reason, wait = clock_us(ARGV[1]), ARGV[2], tonumber(ARGV[4])
if not RANK[reason] then return redis.error_reply('unknown_reason ' .. reason) end
local limits = limits_in_force(ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9])

local function widen_margin()
  local state = redis.call('HMGET', limiter_key, 'margin', 'margin_at_us')
  local margin = math.max(0.005, margin_left(limits.margin, now, state[1] or nil, state[2] or nil))
  redis.call('HSET', limiter_key, 'margin', tostring(math.max(limits.margin, math.min(MARGIN_MAX, MARGIN_GROWTH * margin))),
    'margin_at_us', as_text(now))
end

-- The API has counted a full day, and this pipeline has not: others use the same budget. What was used is taken
-- for what is to be had, if it is at least half; a wait after less speaks of something else.
local function learn_budget()
  local used = redis.call('LLEN', grants_key) - grants_before(now - DAY_US)
  if used < limits.per_day and used * 2 >= limits.per_day then
    redis.call('HSET', limiter_key, 'learned', used, 'learned_at_us', as_text(now))
  end
end

-- Requests that were under way when the gate closed say nothing new.
if reason == 'rate_limited' and not read_gate(now) then
  if wait <= tonumber(ARGV[10]) then widen_margin() end
  if wait >= tonumber(ARGV[11]) then learn_budget() end
end
if reason == 'rate_limited' then return close_gate(now, reason, ARGV[3], 'timed', now + wait) end
if reason == 'by_hand' then return close_gate(now, reason, ARGV[3], 'hand', now) end
return close_gate(now, reason, ARGV[3], 'probe', now + math.max(FIRST_INTERVAL_US, wait))
