-- Read a batch's counts and times.
-- KEYS  1 prefix
-- ARGV  1 batch
-- RETURNS pairs of field and number
-- ERRORS none of its own

return redis.call('HGETALL', batch_key(ARGV[1]))
