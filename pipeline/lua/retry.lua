-- Bring dead letters back, at the step where they stood, with their attempts forgiven.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 batch, 3 code of the reason ('' for any), 4 most to look at,
--       5 look on from this id ('' from the start), then ids (none: every dead letter of the batch)
-- RETURNS {how many came back, id to look on from ('' when all were seen)}
-- ERRORS none of its own

local now, batch, code, most = clock_ms(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local seen, back, next_start = {}, 0, ''

local function bring_back(id)
  local job = redis.call('HMGET', job_key(id), 'state', 'code', 'lane', 'batch')
  if job[1] ~= 'dead' or (code ~= '' and job[2] ~= code) then return end
  redis.call('HDEL', job_key(id), 'code', 'message', 'request_id', 'dead_step', 'died_at')
  redis.call('HSET', job_key(id), 'attempts', 0)
  redis.call('ZREM', dead_key(job[4]), id)
  change_state(id, job[4], 'dead', 'pending')
  wait_until(id, job[3], job[4], now + back / 1000)
  back = back + 1
end

if #ARGV > 5 then
  for i = 6, #ARGV do seen[#seen + 1] = ARGV[i] end
else
  -- in the order of death, from the score where the last look ended
  local from = ARGV[5] == '' and '-inf' or '(' .. ARGV[5]
  local found = redis.call('ZRANGEBYSCORE', dead_key(batch), from, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
  for i = 1, #found, 2 do seen[#seen + 1] = found[i] end
  if #found == 2 * most then
    next_start = found[#found]
    -- all that died at the same moment belong to this look
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', dead_key(batch), next_start, next_start)) do seen[#seen + 1] = id end
  end
end
for _, id in ipairs(seen) do bring_back(id) end
if back > 0 then wake_dispatcher() end
return {back, next_start}
