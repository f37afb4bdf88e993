-- Cancel one job, if it is pending or dead; of its batch nothing else changes.
-- KEYS  1 prefix
-- ARGV  1 id
-- RETURNS the state that it has then, '' if it is not there
-- ERRORS none of its own
--
-- Its record stays as it is (`state_of`). Who was cancelled alone is number 0, which is no cancel of the batch:
-- whoever is active goes on.

local id = ARGV[1]
local state = state_of(id)
if state ~= 'pending' and state ~= 'dead' then return state end

local job = redis.call('HMGET', job_key(id), 'lane', 'batch', 'dead_step', 'code')
local lane, batch = job[1], job[2]
local score
if state == 'pending' then
  score = redis.call('ZSCORE', due_key(lane, batch), id)
  redis.call('ZREM', due_key(lane, batch), id)
  if redis.call('EXISTS', due_key(lane, batch)) == 0 then redis.call('ZREM', turns_key(lane), batch) end
else
  score = redis.call('ZSCORE', dead_key(job[3] .. ':' .. job[4], batch), id)
  leave_dead(id, batch, job[3], job[4])
end
redis.call('ZADD', cancelled_key(0, batch), score, id)
count(batch, state, -1)
count(batch, 'cancelled', 1)
end_batch(batch, clock_ms(''))
return 'cancelled'
