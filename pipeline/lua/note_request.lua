-- Note, before a request leaves, that it will: its outcome is unknown from here on until it is recorded.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 id, 3 token, 4 run, 5 wait until it leaves (ms),
--       6 '1' if it is a create
-- RETURNS 1, or 0 if the lease is lost: then the request must not leave
-- ERRORS none of its own

local job = held(ARGV[2], ARGV[3], ARGV[4])
if not job then return 0 end
local leaves = clock_ms(ARGV[1]) + tonumber(ARGV[5])
local last = tonumber(redis.call('HGET', batch_key(job.batch), 'last_request_at')) or 0
if ARGV[6] == '1' then redis.call('HSET', job_key(ARGV[2]), 'posted', '1') end
count(job.batch, 'requests', 1)
redis.call('HSETNX', batch_key(job.batch), 'first_request_at', as_text(leaves))
redis.call('HSET', batch_key(job.batch), 'last_request_at', as_text(math.max(leaves, last)))
return 1
