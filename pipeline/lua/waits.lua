-- See what a batch waits for beside its turn: backoffs, countdowns, and leases that nobody renews.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 batch,
--       3 a lease with less left than this (ms) is silent: its holder missed a renewal
-- RETURNS {ms until the last of its jobs is due (0: all are), silent leases, ms until the last of them ends (0)}
-- ERRORS none of its own

local now, batch = clock_ms(ARGV[1]), ARGV[2]
local due, silent, ends = now, 0, now

for _, lane in ipairs({'live', 'backfill'}) do
  local last = redis.call('ZREVRANGE', due_key(lane, batch), 0, 0, 'WITHSCORES')
  if #last > 0 then due = math.max(due, tonumber(last[2])) end
end
local waiting = redis.call('ZRANGEBYSCORE', countdowns_key, '(' .. as_text(now), '+inf', 'WITHSCORES')
for i = 1, #waiting, 2 do
  if redis.call('HGET', job_key(waiting[i]), 'batch') == batch then due = math.max(due, tonumber(waiting[i + 1])) end
end

local leases = redis.call('ZRANGEBYSCORE', leases_key, '(' .. as_text(now), as_text(now + tonumber(ARGV[3])), 'WITHSCORES')
for i = 1, #leases, 2 do
  local job = redis.call('HMGET', job_key(leases[i]), 'batch', 'run')
  -- A job without a run is a message on its way, which nobody renews.
  if job[1] == batch and job[2] and job[2] ~= '' then
    silent, ends = silent + 1, math.max(ends, tonumber(leases[i + 1]))
  end
end
return {math.ceil(due - now), silent, math.ceil(ends - now)}
