-- Read, set or forget the user ids that are sent for a job's email addresses.
-- KEYS  1 prefix
-- ARGV  1 id, 2 token, 3 run, 4 the ids, separated by spaces; '' forgets them; left out, they are only read
-- RETURNS the ids ('' for none), or nil if the lease is lost
-- ERRORS none of its own

if not held(ARGV[1], ARGV[2], ARGV[3]) then return nil end
if ARGV[4] == '' then
  redis.call('HDEL', job_key(ARGV[1]), 'users')
elseif ARGV[4] then
  redis.call('HSET', job_key(ARGV[1]), 'users', ARGV[4])
end
return redis.call('HGET', job_key(ARGV[1]), 'users') or ''
