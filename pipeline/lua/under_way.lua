-- List the jobs under a living lease, those whose lease ends first at the beginning.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 the most of them
-- RETURNS {{id, payload, last step recorded, batch, bytes of media sent, size of the media,
--           when the step began (ms), who works on it}, ...}; what is not known is ''. Of a job whose next step
--         waits, for a process or for a countdown, the last two are.
-- ERRORS none of its own
--
-- Leases are as many as the dispatch window has places, so this looks at a few jobs of however many there are.

local now, found = clock_ms(ARGV[1]), {}
local names = {'run', 'step', 'batch', 'sent_bytes', 'size_bytes', 'begun_at', 'worker'}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases_key, '(' .. as_text(now), '+inf', 'LIMIT', 0, ARGV[2])) do
  local values, job = redis.call('HMGET', job_key(id), unpack(names)), {}
  for i, name in ipairs(names) do job[name] = values[i] or '' end
  if job.run == '' then job.sent_bytes, job.begun_at, job.worker = '', '', '' end
  found[#found + 1] = {id, redis.call('GET', payload_key(id)) or '', job.step, job.batch, job.sent_bytes,
    job.size_bytes, job.begun_at, job.worker}
end
return found
