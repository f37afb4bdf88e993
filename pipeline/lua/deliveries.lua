-- See how far the deliveries to the webhook are.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock)
-- RETURNS {events that wait, pairs of field and value ...}; nothing while no webhook wants any
-- ERRORS none of its own

local there = redis.call('HMGET', webhook_key, 'wanted_until', 'passed')
if not there[1] or tonumber(there[1]) < clock_ms(ARGV[1]) then return {} end
local added, gone = added_and_gone()
local passed = math.min(tonumber(there[2] or 0), added)
return {added - math.max(passed, gone), unpack(redis.call('HGETALL', webhook_key))}
