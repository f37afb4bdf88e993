-- Let the next request be the probe of a gate that waits for one: the settings were just changed.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock)
-- RETURNS 1 if the gate is closed and waits for a probe
-- ERRORS none of its own

local now = clock_us(ARGV[1])
local gate = read_gate(now)
if not gate or gate.mode ~= 'probe' then return 0 end
redis.call('HSET', gate_key, 'until_us', as_text(now), 'interval_us', as_text(FIRST_INTERVAL_US))
return 1
