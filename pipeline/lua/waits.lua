-- See what batches wait for beside their turn: backoffs, countdowns, and leases that nobody renews.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 a lease with less left than this (ms) is silent: its holder
--       missed a renewal, 3 most countdowns and most leases to look at, then batches
-- RETURNS for each batch: {ms until the last of its jobs is due (0: all are), silent leases,
--         ms until the last of them ends (0)}
-- ERRORS none of its own

local now, most = clock_ms(ARGV[1]), tonumber(ARGV[3])
local waits = {}

for i = 4, #ARGV do
  local due = now
  for _, lane in ipairs(LANES) do
    local last = redis.call('ZREVRANGE', due_key(lane, ARGV[i]), 0, 0, 'WITHSCORES')
    if #last > 0 then due = math.max(due, tonumber(last[2])) end
  end
  waits[ARGV[i]] = {due = due, silent = 0, ends = now}
end

-- The last ones first: those that are not looked at end earlier.
local counting = redis.call('ZREVRANGEBYSCORE', countdowns_key, '+inf', '(' .. as_text(now), 'WITHSCORES', 'LIMIT', 0, most)
for i = 1, #counting, 2 do
  local wait = waits[redis.call('HGET', job_key(counting[i]), 'batch')]
  if wait then wait.due = math.max(wait.due, tonumber(counting[i + 1])) end
end

local leases = redis.call('ZREVRANGEBYSCORE', leases_key, as_text(now + tonumber(ARGV[2])), '(' .. as_text(now),
  'WITHSCORES', 'LIMIT', 0, most)
for i = 1, #leases, 2 do
  local job = redis.call('HMGET', job_key(leases[i]), 'batch', 'run')
  local wait = waits[job[1]]
  -- A job without a run is a message on its way, which nobody renews.
  if wait and job[2] and job[2] ~= '' then
    wait.silent, wait.ends = wait.silent + 1, math.max(wait.ends, tonumber(leases[i + 1]))
  end
end

local answer = {}
for i = 4, #ARGV do
  local wait = waits[ARGV[i]]
  answer[#answer + 1] = {math.ceil(wait.due - now), wait.silent, math.ceil(wait.ends - now)}
end
return answer
