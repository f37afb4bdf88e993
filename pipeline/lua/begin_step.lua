-- Let one delivery of a step's message work on a job, if its token still holds it.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 id, 3 token, 4 run, 5 lease (ms), 6 what the step records,
--       7 who works on it
-- RETURNS {'go', payload, batch, lane, attempts, callId, '1' if the create may have been posted before}
--         or {'stale'}: another attempt holds the job, or this is not the step that comes next
--         or {'busy'}: another delivery of the same message is alive
-- ERRORS none of its own

local now, id, token, run = clock_ms(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
-- What must have been recorded before; so what is recorded only moves forward.
local BEFORE = {validated = '', created = 'validated', uploaded = 'created'}
local job = held(id, token, '')
if not job or job.step ~= BEFORE[ARGV[6]] then return {'stale'} end
if job.run and job.run ~= '' and job.run ~= run then return {'busy'} end

redis.call('HSET', job_key(id), 'run', run, 'worker', ARGV[7], 'begun_at', as_text(now))
redis.call('HDEL', job_key(id), 'sent_bytes')
extend_lease(id, now + tonumber(ARGV[5]))
local more = redis.call('HMGET', job_key(id), 'call_id', 'posted')
return {'go', redis.call('GET', payload_key(id)) or '', job.batch, job.lane, job.attempts,
  more[1] or '', more[2] or ''}
