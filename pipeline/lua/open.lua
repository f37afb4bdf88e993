-- Open the gate by hand, whatever closed it.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock)
-- RETURNS 1 if it was closed
-- ERRORS none of its own

local now = clock_us(ARGV[1])
local was_closed = read_gate(now) and 1 or 0
if was_closed == 1 then end_closing(now) end
redis.call('HSET', limiter_key, 'failures', 0)
redis.call('DEL', gate_key)
wake_dispatcher()
return was_closed
