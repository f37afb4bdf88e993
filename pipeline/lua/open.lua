-- Open the gate by hand, whatever closed it.
-- KEYS  1 prefix
-- ARGV  none
-- RETURNS 1 if it was closed
-- ERRORS none of its own

redis.call('HSET', limiter_key, 'failures', 0)
local was_closed = redis.call('DEL', gate_key)
wake_dispatcher()
return was_closed
