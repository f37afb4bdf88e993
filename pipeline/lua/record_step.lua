-- Record that a step succeeded; the last one ends the job. Recording the same again changes nothing.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 id, 3 token, 4 run, 5 lease (ms),
--       6 what is recorded: validated | created | uploaded, 7 '1' if it is the chain's last step,
--       then pairs of field and value for the job's record
-- RETURNS 'recorded', or 'stale' if the lease is lost
-- ERRORS none of its own

local now, id, token, run, step, last = clock_ms(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[6], ARGV[7]
local job = held(id, token, run)
if not job then
  local there = redis.call('HMGET', job_key(id), 'step', 'token', 'recorded_by')
  local again = there[1] == step and there[2] == token and there[3] == run
  return again and 'recorded' or 'stale'
end

redis.call('HSET', job_key(id), 'step', step, 'recorded_by', run, 'run', '')
for i = 8, #ARGV, 2 do
  redis.call('HSET', job_key(id), ARGV[i], ARGV[i + 1])
  if ARGV[i] == 'adopted' then count(job.batch, 'adopted', 1) end
end
if step ~= 'validated' then count(job.batch, step, 1) end
if last == '1' then
  redis.call('HSET', job_key(id), 'done_at', as_text(now))
  let_go(id, job.batch, 'done')
else
  extend_lease(id, now + tonumber(ARGV[5]))
end
return 'recorded'
