-- Count the jobs of a lane that are pending.
-- KEYS  1 prefix
-- ARGV  1 lane
-- RETURNS how many they are, those of paused batches among them
-- ERRORS none of its own

local lane, pending = ARGV[1], 0
for _, batch in ipairs(redis.call('ZRANGE', batches_key, 0, -1)) do
  pending = pending + redis.call('ZCARD', due_key(lane, batch))
end
return pending
