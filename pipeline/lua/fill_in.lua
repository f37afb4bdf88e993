-- Read, set or forget what is filled into a job's create: ids for email addresses, a link to its media.
-- KEYS  1 prefix
-- ARGV  1 id, 2 token, 3 run, then pairs of field (users | link) and value ('' forgets it); without any it only reads
-- RETURNS {ids, separated by spaces, link with its end}, each '' for none; or nil if the lease is lost
-- ERRORS none of its own

local id, FIELDS = ARGV[1], {'users', 'link'}
if not held(id, ARGV[2], ARGV[3]) then return nil end
for i = 4, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', job_key(id), ARGV[i])
  else
    redis.call('HSET', job_key(id), ARGV[i], ARGV[i + 1])
  end
end
local filled = redis.call('HMGET', job_key(id), unpack(FIELDS))
return {filled[1] or '', filled[2] or ''}
