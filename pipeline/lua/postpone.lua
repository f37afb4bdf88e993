-- Put an attempt off: for a short wait it keeps its lease, for a long one the job goes back to the pending; if its
-- batch was cancelled since it was claimed, it is cancelled then.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 id, 3 token, 4 run, 5 wait (ms),
--       6 lease beyond the wait (ms) to keep the job, '' to give it back,
--       7 '1' if the wait costs an attempt (backoff), '0' if not (snooze), 8 attempts after which a job is dead,
--       9 code, 10 message, 11 requestId, 12 step: the reason, kept if the job is dead of it, and in its story,
--       13 clientUniqueId, 14 '1' if a job that is given back goes to its place when it is due, before those that were
--       accepted later; '0' if others are to go first
-- RETURNS 'kept' | 'pending' | 'cancelled' | 'dead' | 'stale'
-- ERRORS none of its own

local now, id = clock_ms(ARGV[1]), ARGV[2]
local job = held(id, ARGV[3], ARGV[4])
if not job then return 'stale' end

if ARGV[9] == 'rate_limited' then count(job.batch, 'rate_limited', 1) end
if ARGV[7] == '1' and redis.call('HINCRBY', job_key(id), 'attempts', 1) >= tonumber(ARGV[8]) then
  make_dead(id, job.batch, now, ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13])
  return 'dead'
end

-- To wait for its turn is no story, and no failure; nor is to be given back before it began.
local due, has_failed = now + tonumber(ARGV[5]), ARGV[12] ~= '' and not ARGV[9]:match('^waits_')
if has_failed then note_story(id, now, ARGV[12], ARGV[9], ARGV[10], ARGV[11], due) end
if ARGV[6] ~= '' and not (has_failed and is_cancelled_since(id, job.batch)) then
  redis.call('HSET', job_key(id), 'run', '')
  extend_lease(id, due + tonumber(ARGV[6]))
  redis.call('ZADD', countdowns_key, due, id)
  wake_dispatcher()
  return 'kept'
end
local place = ARGV[14] == '1' and place_of(id) or nil
return come_back(id, job.lane, job.batch, due, now, place)
