-- Grant a request the exact instant at which it may leave, or say when to ask again.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock), 2 lane, 3 requests a second, 4 requests a day, 5 margin (share),
--       6 burst, 7 share of the day kept for live, 8 horizon (us): a slot further away is not bound,
--       9 '1' to look only
-- RETURNS {'granted', us to wait, '1' if it is the probe of a closed gate, failures in a row}
--         or {'later', us to wait before asking again, 'second' | 'day'}
--         or {'closed', us to wait before asking again, reason}
-- ERRORS none of its own

local now, lane, look_only = clock_us(ARGV[1]), ARGV[2], ARGV[9] == '1'
local per_second, per_day = tonumber(ARGV[3]), tonumber(ARGV[4])
local burst, horizon = tonumber(ARGV[6]), tonumber(ARGV[8])
local SECOND_US, DAY_US = 1000000, 86400 * 1000000
-- The API counts a request when it arrives, a little after it was granted.
local ARRIVAL_US = SECOND_US

-- When the day's budget lets the next request of this lane leave. The rolling window is exact: the grants
-- of the last day stand in a list. What is kept for live melts as the oldest grant comes to its end.
local function day_allows_at()
  local oldest = tonumber(redis.call('LINDEX', grants_key, 0))
  while oldest and oldest + DAY_US + ARRIVAL_US <= now do
    redis.call('LPOP', grants_key)
    oldest = tonumber(redis.call('LINDEX', grants_key, 0))
  end
  local used = redis.call('LLEN', grants_key)
  if not oldest then return now end
  local frees = oldest + DAY_US + ARRIVAL_US
  if used >= per_day then return tonumber(redis.call('LINDEX', grants_key, used - per_day)) + DAY_US + ARRIVAL_US end
  local kept = lane == 'live' and 0 or tonumber(ARGV[7]) * per_day
  if used + 1 <= per_day - kept * (frees - now) / DAY_US then return now end
  return math.min(frees, frees - (per_day - used - 1) / kept * DAY_US)
end

local function second_allows_at(interval)
  local next_us = tonumber(redis.call('HGET', limiter_key, 'next_us'))
  local furthest = now + horizon + burst * interval
  if next_us and next_us <= furthest then return next_us end
  -- State that was lost starts with one full window of silence, and without a burst. A slot was never bound
  -- further ahead than the horizon, unless the clock was set back or the limits were raised since.
  next_us = next_us and furthest or now + math.max(SECOND_US, interval) + (burst - 1) * interval
  redis.call('HSET', limiter_key, 'next_us', as_text(next_us))
  return next_us
end

local gate = read_gate(now)
if gate and now < gate.until_us then return {'closed', as_text(gate.until_us - now), gate.reason} end
if gate and gate.mode == 'hand' then return {'closed', as_text(FIRST_INTERVAL_US), gate.reason} end
local is_probe = gate and gate.mode == 'probe'

-- In whole microseconds, rounded up: R intervals must never be a hair less than a second.
local interval = math.ceil(SECOND_US / per_second / (1 - current_margin(tonumber(ARGV[5]), now)))
local next_us = second_allows_at(interval)
local day_us = day_allows_at()
local slot = math.max(now, next_us - (burst - 1) * interval, day_us)
if slot - now > horizon then
  return {'later', as_text(math.ceil(slot - now - horizon)), day_us == slot and 'day' or 'second'}
end
local failures = redis.call('HGET', limiter_key, 'failures') or '0'
if not look_only then
  redis.call('HSET', limiter_key, 'next_us', as_text(math.max(next_us, slot) + interval))
  redis.call('RPUSH', grants_key, as_text(slot))
  if is_probe then
    redis.call('HSET', gate_key, 'until_us', as_text(slot + gate.interval_us),
      'interval_us', as_text(math.min(gate.interval_us * 2, LAST_INTERVAL_US)))
  end
end
return {'granted', as_text(slot - now), is_probe and '1' or '0', failures}
