-- End the run of failures, and open the gate if it waited for a probe to succeed.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock)
-- RETURNS 1 if the gate was opened
-- ERRORS none of its own

redis.call('HSET', limiter_key, 'failures', 0)
local gate = read_gate(clock_us(ARGV[1]))
if not gate or gate.mode ~= 'probe' then return 0 end
redis.call('DEL', gate_key)
end_closing(clock_us(ARGV[1]))
wake_dispatcher()
return 1
