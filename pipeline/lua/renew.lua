-- Keep a lease alive while its step runs, and tell how far that is.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 id, 3 token, 4 run, 5 lease (ms), 6 bytes of media sent so far, '' if none are
-- RETURNS 1, or 0 if the lease is lost
-- ERRORS none of its own

if not held(ARGV[2], ARGV[3], ARGV[4]) then return 0 end
if ARGV[6] ~= '' then redis.call('HSET', job_key(ARGV[2]), 'sent_bytes', ARGV[6]) end
extend_lease(ARGV[2], clock_ms(ARGV[1]) + tonumber(ARGV[5]))
return 1
