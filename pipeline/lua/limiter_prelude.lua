-- For the scripts of the limiter: what they share.
--   gate     hash  reason, detail, mode ('timed' | 'probe' | 'hand'), since_us, until_us, interval_us,
--                 confirmed_us: when it was last said to be closed; probe: slot of the last probe, and what
--                 until_us became by it
--   limiter  hash  next_us: when the next slot is free; interval_us: to the one after it; live_us: up to where slots were taken for live;
--                  promised_us: up to where those who were refused were told to ask again;
--                  margin, margin_at_us: as last widened; learned, learned_at_us: what a long Retry-After taught
--                  of the day's budget; failures: failed requests in a row; missed: slots given up by their
--                  holders; late: requests that left after their slots; notice: number of the last notice;
--                  server: what the server was known by that gave the last slot;
--                  delayed_from_us, delayed_by_us: from where slots were last moved for a late one, and by how much
--   limits   hash  limits that were set while running, over those of the settings
--   grants   list  instants (us) of the slots of the last day, in order
--   live_grants  list  those of the live lane of the last week
--   notices  channel  '<number> void', or '<number> shift <from_us> <by_us>' (slots of backfill),
--                  or '<number> delay <from_us> <by_us>' (all slots): what became of those that are bound

local gate_key = prefix .. 'gate'
local limiter_key = prefix .. 'limiter'
local limits_key = prefix .. 'limits'
local grants_key = prefix .. 'grants'
local live_grants_key = prefix .. 'live_grants'
local SECOND_US = 1000000
local DAY_US = 86400 * 1000000
local WEEK_DAYS = 7
local FIRST_INTERVAL_US = 5 * 1000000
local LAST_INTERVAL_US = 300 * 1000000
-- A margin grows by half with each incident, and what was added halves every half hour: in a simulation of a
-- network that delays by 5 ms on average that gives the fewest 429s for the same use (ARCHITECTURE.md).
local MARGIN_GROWTH = 1.5
local HALF_LIFE_US = 1800 * 1000000
local MARGIN_MAX = 0.1
-- How long before its instant a bound slot can still be taken back: a notice is there within milliseconds.
local NOTICE_US = 100000
-- A reason of higher rank is not replaced by a lower one: a key that is refused outlasts a busy moment.
local RANK = {rate_limited = 1, failing = 2, unauthorized = 3, wrong_address = 3, by_hand = 4}

-- Tell every process that holds a slot. The number shows one that missed a notice that it did.
local function give_notice(text)
  local number = redis.call('HINCRBY', limiter_key, 'notice', 1)
  redis.call('PUBLISH', prefix .. 'notices', number .. ' ' .. text)
  return number
end

-- Take back every bound slot that has not come yet: the day has them again, and the pace begins anew, a full
-- window after the last request that left.
local function void_slots(now)
  local last = tonumber(redis.call('LINDEX', grants_key, -1))
  while last and last > now + NOTICE_US do
    redis.call('RPOP', grants_key)
    last = tonumber(redis.call('LINDEX', grants_key, -1))
  end
  local interval = tonumber(redis.call('HGET', limiter_key, 'interval_us'))
  if interval then
    redis.call('HDEL', limiter_key, 'live_us', 'promised_us')
    redis.call('HSET', limiter_key, 'next_us', as_text(math.max(last or 0, now) + math.max(SECOND_US, interval)))
  end
  give_notice('void')
end

-- The closed gate, or nil. A timed one opens by itself: what stands there after its end means nothing.
local function read_gate(now)
  local values = redis.call('HMGET', gate_key, 'reason', 'mode', 'until_us', 'interval_us')
  if not values[1] or (values[2] == 'timed' and tonumber(values[3]) <= now) then return nil end
  return {reason = values[1], mode = values[2], until_us = tonumber(values[3]), interval_us = tonumber(values[4])}
end

-- Closings are kept as '<reason> <mode> <since_us> <until_us> <detail>', the newest first; 0 stands for an end that
-- nobody knows yet.
local CLOSINGS_KEPT = 200

local function begin_closing(now, reason, mode, until_us, detail)
  redis.call('LPUSH', closings_key, table.concat({reason, mode, as_text(now), as_text(until_us), detail}, ' '))
  redis.call('LTRIM', closings_key, 0, CLOSINGS_KEPT - 1)
  count_total('closed:' .. reason)
end

local function end_closing(until_us)
  local before, rest = string.match(redis.call('LINDEX', closings_key, 0) or '', '^(%S+ %S+ %d+ )%d+( .*)$')
  if before then redis.call('LSET', closings_key, 0, before .. as_text(until_us) .. rest) end
end

-- A probe that did not leave says nothing: another one may leave at once, and the one after it no later for that.
local function take_probe_back(now, slot)
  local gate = redis.call('HMGET', gate_key, 'probe', 'until_us')
  -- Whatever has moved the next try since then has another reason.
  if gate[1] ~= slot .. ' ' .. (gate[2] or '') then return end
  redis.call('HSET', gate_key, 'until_us', as_text(now), 'interval_us', as_text(tonumber(gate[2]) - tonumber(slot)))
end

-- Whatever else goes wrong, nobody tries before the API's own Retry-After is over.
local function close_gate(now, reason, detail, mode, until_us)
  local gate = read_gate(now)
  if gate and RANK[gate.reason] > RANK[reason] then
    if gate.mode ~= 'probe' or mode ~= 'timed' or until_us <= gate.until_us then return 0 end
    redis.call('HSET', gate_key, 'until_us', as_text(until_us))
    return 1
  end
  if gate and gate.mode == 'timed' and mode == 'probe' then until_us = math.max(until_us, gate.until_us) end
  if gate and gate.reason == reason then
    redis.call('HSET', gate_key, 'confirmed_us', as_text(now))
    if mode == 'hand' then return 0 end
    until_us = math.max(until_us, gate.until_us)
    if mode == 'probe' then
      -- what was said last tells a person best what to do
      redis.call('HSET', gate_key, 'until_us', as_text(until_us), 'detail', detail)
      return until_us > gate.until_us and 1 or 0
    end
    end_closing(until_us)
  else
    redis.call('HSET', gate_key, 'since_us', as_text(now))
    if gate then end_closing(now) end
    begin_closing(now, reason, mode, mode == 'timed' and until_us or 0, detail)
  end
  redis.call('HSET', gate_key, 'reason', reason, 'detail', detail, 'mode', mode, 'until_us', as_text(until_us),
    'interval_us', as_text(FIRST_INTERVAL_US), 'confirmed_us', as_text(now))
  -- Behind a timed gate no slot is bound, behind one that waits for a probe one may be.
  if not gate or gate.mode == 'probe' then void_slots(now) end
  return 1
end

-- The limits in force: those set while running, else those given from the settings.
local function limits_in_force(per_second, per_day, margin, burst, live_share)
  local set = redis.call('HMGET', limits_key, 'requests_per_second', 'requests_per_day', 'rate_margin', 'burst',
    'live_share')
  return {
    per_second = tonumber(set[1] or per_second), per_day = tonumber(set[2] or per_day),
    margin = tonumber(set[3] or margin), burst = tonumber(set[4] or burst),
    live_share = tonumber(set[5] or live_share)
  }
end

-- The margin that is left of a widening: it halves towards the base.
local function margin_left(base, now, widened, at)
  if not widened then return base end
  local age = math.max(0, now - tonumber(at))
  return base + math.max(0, tonumber(widened) - base) * 0.5 ^ (age / HALF_LIFE_US)
end

-- The day's budget that is left to this pipeline: what a long Retry-After taught is forgotten within a day.
local function budget_left(per_day, now, learned, at)
  if not learned then return per_day end
  local age = math.max(0, now - tonumber(at))
  return math.floor(per_day - math.max(0, per_day - tonumber(learned)) * math.max(0, 1 - age / DAY_US))
end

-- How many grants, of all or of those in another list, came before an instant. A list is in the order of time
-- and may hold a million.
local function grants_before(instant, key)
  key = key or grants_key
  local low, high = 0, redis.call('LLEN', key)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if tonumber(redis.call('LINDEX', key, middle)) < instant then low = middle + 1 else high = middle end
  end
  return low
end

-- How many requests left for live in the last day, and in the day of the last week that had the most.
local function live_demand(now)
  local last_day, most, later = nil, 0, redis.call('LLEN', live_grants_key)
  for days = 1, WEEK_DAYS do
    local earlier = grants_before(now - days * DAY_US, live_grants_key)
    last_day, most, later = last_day or later - earlier, math.max(most, later - earlier), earlier
  end
  return last_day, most
end
