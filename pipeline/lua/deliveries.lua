-- See how far the deliveries to the webhook are.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 '1' for what was counted, whoever wants events now ('' or left out)
-- RETURNS {events that wait, pairs of field and value ...}; nothing while no webhook wants any, unless it is asked for
-- ERRORS none of its own

local there = redis.call('HMGET', webhook_key, 'wanted_until', 'passed')
local is_wanted = there[1] and tonumber(there[1]) >= clock_ms(ARGV[1])
if not is_wanted and ARGV[2] ~= '1' then return {} end
local added, gone = added_and_gone()
local passed = math.min(tonumber(there[2] or 0), added)
return {added - math.max(passed, gone), unpack(redis.call('HGETALL', webhook_key))}
