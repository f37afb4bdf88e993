-- Look for the job of a call among one chunk of the rows of a manifest.
-- KEYS  1 prefix
-- ARGV  1 batch, 2 number of the manifest, 3 chunk, 4 callId
-- RETURNS the job's id, or '' if none of them has that call
-- ERRORS none of its own
--
-- There is no index of calls: it would take 60 bytes for each of a million done jobs, and few ever ask. A chunk takes a
-- millisecond at most, so that nobody else waits for it.

for _, bytes in ipairs(redis.call('HVALS', rows_key(ARGV[1], ARGV[2], ARGV[3]))) do
  local id = unpacked_id(bytes)
  if id ~= '' and redis.call('HGET', job_key(id), 'call_id') == ARGV[4] then return id end
end
return ''
