-- See what was granted: in the last day, and since an instant.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock), 2 since (us; '' to leave the second part out)
-- RETURNS {requests in the last day, requests since, time of the first (us), of the last (us)}
-- ERRORS none of its own

local granted = redis.call('LLEN', grants_key)
-- What is older than a day stands at the head until the next request is granted.
local today = granted - grants_before(clock_us(ARGV[1]) - DAY_US + 1)
if ARGV[2] == '' then return {today, 0, '0', '0'} end
local earlier = grants_before(tonumber(ARGV[2]))
if earlier == granted then return {today, 0, '0', '0'} end
return {today, granted - earlier, redis.call('LINDEX', grants_key, earlier), redis.call('LINDEX', grants_key, -1)}
