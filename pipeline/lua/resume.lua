-- Let a paused batch be claimed again, in each lane when the first of its pending jobs is due.
-- KEYS  1 prefix
-- ARGV  1 batch
-- RETURNS 1 if it goes on now, 0 if it was not paused
-- ERRORS none of its own

local batch = ARGV[1]
if redis.call('HDEL', batch_key(batch), 'paused_at') == 0 then return 0 end

for _, lane in ipairs(LANES) do
  local first = redis.call('ZRANGE', due_key(lane, batch), 0, 0, 'WITHSCORES')
  if #first > 0 then redis.call('ZADD', turns_key(lane), first[2], batch) end
end
wake_dispatcher()
return 1
