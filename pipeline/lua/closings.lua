-- Read when the gate was closed, and why.
-- KEYS  1 prefix
-- ARGV  none
-- RETURNS closings as `limiter_prelude.lua` writes them, the last one first
-- ERRORS none of its own

return redis.call('LRANGE', closings_key, 0, -1)
