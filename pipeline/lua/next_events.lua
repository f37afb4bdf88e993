-- Read the events that the webhook gets next, if this worker has that duty.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 worker, 3 for how long it has the duty then (ms), 4 most events
-- RETURNS {'busy'} while another worker has the duty
--         or {'mine', the last event before them, ms until the first of them is due, its failures so far,
--             refusals among these, how many were dropped since the last time, {id, {field, value, ...}}, ...}
-- ERRORS none of its own

local now = clock_ms(ARGV[1])
if not has_duty('webhook', ARGV[2], now, tonumber(ARGV[3])) then return {'busy'} end

local there = redis.call('HMGET', webhook_key, 'position', 'passed', 'due', 'attempts', 'refusals')
local position, wait = there[1] or '0-0', math.max(0, (tonumber(there[3]) or 0) - now)
local attempts, refusals = tonumber(there[4] or 0), tonumber(there[5] or 0)
local added, gone = added_and_gone()
-- A stream that was lost begins anew.
local passed = math.min(tonumber(there[2] or 0), added)
local dropped = math.max(0, gone - passed)
if dropped > 0 then
  -- The one that failed is gone; to wait as long for the next one is right all the same.
  refusals = 0
  redis.call('HINCRBY', webhook_key, 'dropped', dropped)
  redis.call('HSET', webhook_key, 'refusals', 0)
end
redis.call('HSET', webhook_key, 'passed', passed + dropped)
local events = redis.call('XRANGE', events_key, '(' .. position, '+', 'COUNT', ARGV[4])
return {'mine', position, wait, attempts, refusals, dropped, unpack(events)}
