-- Cancel a batch: its pending jobs and dead letters at once, however many; the active ones when they come back.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 batch
-- RETURNS {jobs cancelled now, jobs that are active: they finish, or are cancelled when they come back}
-- ERRORS none of its own
--
-- Sets are renamed as they are, each to a number of its own, and no record is rewritten (`state_of`).

local now, batch = clock_ms(ARGV[1]), ARGV[2]
local cancelled = 0

local function next_number() return redis.call('HINCRBY', batch_key(batch), 'cancels', 1) end

local function cancel_all(key, from)
  local size = redis.call('ZCARD', key)
  if size == 0 then return end
  redis.call('RENAME', key, cancelled_key(next_number(), batch))
  count(batch, from, -size)
  count(batch, 'cancelled', size)
  cancelled = cancelled + size
end

for _, lane in ipairs(LANES) do
  cancel_all(due_key(lane, batch), 'pending')
  redis.call('ZREM', turns_key(lane), batch)
end
for _, reason in ipairs(reasons_of(batch, '')) do cancel_all(dead_key(reason, batch), 'dead') end
redis.call('DEL', reasons_key(batch))

local active = tonumber(redis.call('HGET', batch_key(batch), 'active')) or 0
if active > 0 then next_number() end
if cancelled + active > 0 then redis.call('HSETNX', batch_key(batch), 'cancelled_at', as_text(now)) end
end_batch(batch, now)
return {cancelled, active}
