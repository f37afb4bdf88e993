-- Leave a duty, so that another worker takes it at once.
-- KEYS  1 prefix
-- ARGV  1 duty, 2 worker
-- RETURNS 1 if it had it, else 0
-- ERRORS none of its own

local _, who = string.match(redis.call('HGET', duties_key, ARGV[1]) or '', '^(%d+) (.*)$')
if who ~= ARGV[2] then return 0 end
return redis.call('HDEL', duties_key, ARGV[1])
