-- Stands before the scripts of the limiter: what they share about the gate.
--   gate     hash  reason, detail, mode ('timed' | 'probe' | 'hand'), since_us, until_us, interval_us,
--                 confirmed_us: when it was last said to be closed
--   limiter  hash  next_us: when the next slot is free; margin, margin_at_us: as last widened;
--                  failures: failed requests in a row

local gate_key, limiter_key, grants_key = prefix .. 'gate', prefix .. 'limiter', prefix .. 'grants'
local FIRST_INTERVAL_US, LAST_INTERVAL_US = 5 * 1000000, 300 * 1000000
local HALF_LIFE_US, MARGIN_MAX = 600 * 1000000, 0.1
-- A reason of higher rank is not replaced by a lower one: a key that is refused outlasts a busy moment.
local RANK = {rate_limited = 1, failing = 2, unauthorized = 3, wrong_address = 3, by_hand = 4}

-- The closed gate, or nil. A timed one opens by itself: what stands there after its end means nothing.
local function read_gate(now)
  local values = redis.call('HMGET', gate_key, 'reason', 'mode', 'until_us', 'interval_us')
  if not values[1] or (values[2] == 'timed' and tonumber(values[3]) <= now) then return nil end
  return {reason = values[1], mode = values[2], until_us = tonumber(values[3]), interval_us = tonumber(values[4])}
end

local function close_gate(now, reason, detail, mode, until_us)
  local gate = read_gate(now)
  if gate and RANK[gate.reason] > RANK[reason] then return 0 end
  if gate and gate.reason == reason then
    redis.call('HSET', gate_key, 'confirmed_us', as_text(now))
    if mode ~= 'timed' then return 0 end
    until_us = math.max(until_us, gate.until_us)
  else
    redis.call('HSET', gate_key, 'since_us', as_text(now))
  end
  redis.call('HSET', gate_key, 'reason', reason, 'detail', detail, 'mode', mode, 'until_us', as_text(until_us),
    'interval_us', as_text(FIRST_INTERVAL_US), 'confirmed_us', as_text(now))
  return 1
end

-- The margin that is left of a widening: it halves towards the base every ten minutes.
local function current_margin(base, now)
  local values = redis.call('HMGET', limiter_key, 'margin', 'margin_at_us')
  if not values[1] then return base end
  local age = math.max(0, now - tonumber(values[2]))
  return base + math.max(0, tonumber(values[1]) - base) * 0.5 ^ (age / HALF_LIFE_US)
end
