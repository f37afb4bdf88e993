-- Read the gate.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock)
-- RETURNS {} while it is open, else {reason, detail, mode, since (us), until (us), confirmed (us)}
-- ERRORS none of its own

if not read_gate(clock_us(ARGV[1])) then return {} end
return redis.call('HMGET', gate_key, 'reason', 'detail', 'mode', 'since_us', 'until_us', 'confirmed_us')
