-- Grant a request the exact instant at which it may leave, or say when to ask again.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock), 2 lane, 3-7 limits of the settings: requests a second, requests a
--       day, margin (share), burst, share of the day kept for live, 8 horizon (us): a slot further away is not
--       bound, 9 '1' to look only, 10 start and 11 end of the API's day (us; '' if its day rolls),
--       12 slot (us) that the asker held and missed ('' for none), 13 what the asker needs to be ready (us),
--       14 id of the job that the request is for ('' for none), 15 token, 16 run, 17 what is noted of it: 'create' |
--       'upload', '' if its request was noted before
-- RETURNS {'granted', us to wait, '1' if it is the probe of a closed gate, failures in a row, slot (us),
--          number of the last notice}
--         or {'later', us to wait before asking again, 'second' | 'day'}
--         or {'closed', us to wait before asking again, reason}
--         or {'lost'} if the lease on the job is lost: then the request must not leave
-- ERRORS none of its own
--
-- Who is refused for the second is told to come back when its turn would be, one interval after the one refused
-- before it, so that they do not all come at once. With its slot a job's request is noted: its outcome is unknown from
-- then on until it is recorded. A request of the live lane takes the first place that still
-- can be taken, and a notice moves those of the backfill lane that were bound from there on by one interval.

local now, lane, look_only = clock_us(ARGV[1]), ARGV[2], ARGV[9] == '1'
local horizon, missed, lead = tonumber(ARGV[8]), ARGV[12], tonumber(ARGV[13])
local limits = limits_in_force(ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7])
-- The API counts a request when it arrives, a little after it was granted.
local ARRIVAL_US = SECOND_US
-- What is kept for live at the least, if anything is: a share of the day's budget.
local LIVE_LEAST = 0.002
-- Nobody is told to stay away for longer, whoever was promised the time before.
local PROMISE_MAX_US = 60 * SECOND_US

local state = redis.call('HMGET', limiter_key, 'next_us', 'live_us', 'promised_us', 'margin', 'margin_at_us',
  'learned', 'learned_at_us', 'failures', 'notice', 'server')
local next_us, live_us, promised_us = tonumber(state[1]), tonumber(state[2] or 0), tonumber(state[3] or 0)
local failures, notice = state[8] or '0', state[9] or '0'

-- A slot that its holder missed was not used: the day has it again, and a closed gate is yet to be probed.
if missed ~= '' then
  -- None of one that was taken back.
  if redis.call('LREM', grants_key, -1, missed) > 0 then redis.call('HINCRBY', limiter_key, 'missed', 1) end
  take_probe_back(now, missed)
end

local id, noted = ARGV[14], ARGV[17]
local job = id ~= '' and held(id, ARGV[15], ARGV[16])
if job == nil then return {'lost'} end

local gate = read_gate(now)
if gate and now < gate.until_us then return {'closed', as_text(gate.until_us - now), gate.reason} end
if gate and gate.mode == 'hand' then return {'closed', as_text(FIRST_INTERVAL_US), gate.reason} end
local is_probe = gate and gate.mode == 'probe'

-- When the budget lets this lane send, of which so many requests are left. The share kept for live melts as the
-- window comes to its end, so that a backfill alone uses the budget. Of a window that rolls the end is always near,
-- so `least` is kept in any case.
local function lane_allows_at(left, per_day, ends, least, comes_back_at)
  local untouched = lane == 'live' and 0 or least
  if left <= untouched then return comes_back_at(untouched - left + 1) end
  if lane == 'live' then return now end
  local kept = limits.live_share * per_day
  if left - 1 >= kept * (ends - now) / DAY_US then return now end
  return math.min(ends, ends - (left - 1) / kept * DAY_US)
end

-- The API's day if it is a fixed one, which may have 25 hours; of the next one only its beginning is known.
local starts, ends = tonumber(ARGV[10]), tonumber(ARGV[11])
if ends and now >= ends then starts, ends = ends, ends + DAY_US end

local function fixed_day_allows_at(per_day)
  local used = redis.call('LLEN', grants_key) - grants_before(starts - ARRIVAL_US)
  return lane_allows_at(per_day - used, per_day, ends, 0, function() return ends end)
end

-- As much is kept as live used in the busiest day of the last week, also after a weekend. What it used yesterday comes
-- back today, but nobody can count on that: after a day on which it got less than it wanted it would wait for hours.
local function kept_for_live(per_day, left)
  local share = math.floor(limits.live_share * per_day)
  if left > share then return 0 end
  local _, most = live_demand(now)
  return math.min(share, math.ceil(LIVE_LEAST * per_day) + most)
end

-- The grants of the last day stand in a list, so a rolling window is exact.
local function rolling_day_allows_at(per_day, oldest)
  local used = redis.call('LLEN', grants_key)
  if not oldest then return now end
  local left = per_day - used
  local least = lane == 'live' and 0 or kept_for_live(per_day, left)
  return lane_allows_at(left, per_day, oldest + DAY_US + ARRIVAL_US, least, function(count)
    return tonumber(redis.call('LINDEX', grants_key, math.min(count, used) - 1)) + DAY_US + ARRIVAL_US
  end)
end

local function day_allows_at()
  local oldest = tonumber(redis.call('LINDEX', grants_key, 0))
  local counted_from = math.min(now - DAY_US, starts or now) - ARRIVAL_US
  while oldest and oldest <= counted_from do
    redis.call('LPOP', grants_key)
    oldest = tonumber(redis.call('LINDEX', grants_key, 0))
  end
  local per_day = budget_left(limits.per_day, now, state[6], state[7])
  return starts and fixed_day_allows_at(per_day) or rolling_day_allows_at(per_day, oldest)
end

-- What a server is known by changes when it becomes the primary, and when it starts again. In both cases the last moment
-- before it may be lost, and with it slots that were used.
local function is_another_server()
  local id = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') or ''
  if id == state[10] then return false end
  redis.call('HSET', limiter_key, 'server', id)
  return state[10]
end

local function second_allows_at(interval)
  -- The slots bound for both lanes reach no further, unless the clock was set back.
  local furthest = now + 2 * horizon + limits.burst * interval
  local may_have_lost = is_another_server()
  if next_us and next_us <= furthest and not may_have_lost then return next_us end
  -- State that was lost starts with one full window of silence, and without a burst.
  local silent = now + math.max(SECOND_US, interval) + (limits.burst - 1) * interval
  local starts = next_us and math.min(math.max(next_us, silent), furthest) or silent
  redis.call('HSET', limiter_key, 'next_us', as_text(starts), 'interval_us', as_text(interval))
  redis.call('HDEL', limiter_key, 'promised_us', 'live_us')
  promised_us, live_us = 0, 0
  return starts
end

local function note_request(leaves_us)
  local leaves, key = math.floor(leaves_us / 1000), batch_key(job.batch)
  if noted == 'create' then redis.call('HSET', job_key(id), 'posted', '1') end
  count(job.batch, 'requests', 1)
  redis.call('HSETNX', key, 'first_request_at', as_text(leaves))
  local last = tonumber(redis.call('HGET', key, 'last_request_at')) or 0
  redis.call('HSET', key, 'last_request_at', as_text(math.max(leaves, last)))
end

local function later(slot, interval, reason)
  local back_us = slot
  if reason == 'second' and not look_only then
    back_us = math.min(math.max(slot, promised_us), now + PROMISE_MAX_US)
    redis.call('HSET', limiter_key, 'promised_us', as_text(back_us + interval))
  end
  return {'later', as_text(math.ceil(back_us - now - horizon)), reason}
end

-- In whole microseconds, rounded up: R intervals must never be a hair less than a second.
local margin = margin_left(limits.margin, now, state[4], state[5])
local interval = math.ceil(SECOND_US / limits.per_second / (1 - margin))
next_us = second_allows_at(interval)
local day_us = day_allows_at()
-- The next slot that nobody holds.
local free = math.max(now + lead, next_us - (limits.burst - 1) * interval)
local slot, shifted = math.max(free, day_us), false
if lane == 'live' and slot == free then
  -- A place that really is bound: who holds it must find its own instant in the notice.
  local place = redis.call('LINDEX', grants_key, grants_before(math.max(now + math.max(NOTICE_US, lead), live_us, day_us)))
  -- One that was bound before the clock was set back may lie behind all that are free.
  if place and tonumber(place) < free then slot, shifted = tonumber(place), true end
end
if slot - now > horizon then return later(slot, interval, day_us == slot and 'day' or 'second') end

if not look_only then
  local last = math.max(free, slot)
  redis.call('HSET', limiter_key, 'next_us', as_text(math.max(next_us, slot) + interval),
    'interval_us', as_text(interval))
  redis.call('RPUSH', grants_key, as_text(last))
  if lane == 'live' then
    redis.call('HSET', limiter_key, 'live_us', as_text(slot + interval))
    redis.call('RPUSH', live_grants_key, as_text(slot))
    while tonumber(redis.call('LINDEX', live_grants_key, 0)) + WEEK_DAYS * DAY_US <= now do
      redis.call('LPOP', live_grants_key)
    end
  end
  -- From half an interval before it: who holds that place may stand microseconds beside it, since the interval
  -- changes with the margin, and nobody else is so near.
  if shifted then
    notice = give_notice('shift ' .. as_text(slot - math.floor(interval / 2)) .. ' ' .. as_text(interval))
  end
  if is_probe then
    local until_us = as_text(slot + gate.interval_us)
    redis.call('HSET', gate_key, 'probe', as_text(slot) .. ' ' .. until_us, 'until_us', until_us,
      'interval_us', as_text(math.min(gate.interval_us * 2, LAST_INTERVAL_US)))
  end
  if noted ~= '' then note_request(slot) end
end
return {'granted', as_text(slot - now), is_probe and '1' or '0', failures, as_text(slot), tostring(notice)}
