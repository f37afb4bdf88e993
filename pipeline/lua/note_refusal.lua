-- Note that the API refused a job's create for good: nothing of the job is there, and its content may be changed.
-- KEYS  1 prefix
-- ARGV  1 id, 2 token, 3 run
-- RETURNS 1, or 0 if the lease is lost
-- ERRORS none of its own

if not held(ARGV[1], ARGV[2], ARGV[3]) then return 0 end
redis.call('HDEL', job_key(ARGV[1]), 'posted')
return 1
