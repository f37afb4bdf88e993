-- Forget what is finished among the rows of one chunk of a manifest: done and cancelled jobs of this batch.
-- KEYS  1 prefix
-- ARGV  1 batch, 2 number of the manifest, 3 chunk
-- RETURNS how many jobs were forgotten
-- ERRORS none of its own

local batch, key, forgotten = ARGV[1], rows_key(ARGV[1], ARGV[2], ARGV[3]), 0
local rows = redis.call('HGETALL', key)
for i = 1, #rows, 2 do
  local id = unpacked_id(rows[i + 1])
  if id ~= '' then
    if forget_job(id, batch) then forgotten = forgotten + 1 end
    if redis.call('HGET', job_key(id), 'batch') ~= batch then redis.call('HDEL', key, rows[i]) end
  end
end
return forgotten
