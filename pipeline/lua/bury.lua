-- Make a job a dead letter: it needs a person.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 id, 3 token, 4 run, 5 code, 6 message, 7 requestId, 8 step,
--       9 clientUniqueId
-- RETURNS 'dead' | 'stale'
-- ERRORS none of its own

local job = held(ARGV[2], ARGV[3], ARGV[4])
if not job then return 'stale' end
make_dead(ARGV[2], job.batch, clock_ms(ARGV[1]), ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9])
return 'dead'
