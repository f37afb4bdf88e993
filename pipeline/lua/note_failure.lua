-- Count a failed request; a run of them closes the gate until a probe succeeds.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock), 2 failures in a row that close the gate, 3 detail,
--       4 wait (us) that the API asked for, before the first probe
-- RETURNS failures in a row
-- ERRORS none of its own

local failures = redis.call('HINCRBY', limiter_key, 'failures', 1)
if failures >= tonumber(ARGV[2]) then
  local now = clock_us(ARGV[1])
  close_gate(now, 'failing', ARGV[3], 'probe', now + math.max(FIRST_INTERVAL_US, tonumber(ARGV[4])))
end
return failures
