-- Read a batch's dead letters, the newest first.
-- KEYS  1 prefix
-- ARGV  1 batch, 2 most to read
-- RETURNS for each: {id, payload, code, message, requestId, step, attempts, time of death (ms)}
-- ERRORS none of its own

local letters = {}
for _, id in ipairs(redis.call('ZREVRANGE', dead_key(ARGV[1]), 0, tonumber(ARGV[2]) - 1)) do
  local job = redis.call('HMGET', job_key(id), 'code', 'message', 'request_id', 'dead_step', 'attempts', 'died_at')
  letters[#letters + 1] = {id, redis.call('GET', payload_key(id)), unpack(job)}
end
return letters
