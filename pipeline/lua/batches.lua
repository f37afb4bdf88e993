-- List the batches, the newest first.
-- KEYS  1 prefix
-- ARGV  none
-- RETURNS names
-- ERRORS none of its own

return redis.call('ZREVRANGE', batches_key, 0, -1)
