-- Read the gate.
-- KEYS  1 prefix
-- ARGV  none
-- RETURNS {} while it is open, else {reason, detail, mode, since (us), until (us)}
-- ERRORS none of its own

local gate = redis.call('HMGET', prefix .. 'gate', 'reason', 'detail', 'mode', 'since_us', 'until_us')
return gate[1] and gate or {}
