-- See what batches wait for beside their turn: backoffs, countdowns, and leases that nobody renews.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 a lease with less left than this (ms) is silent: its holder
--       missed a renewal, 3 most countdowns and most leases to look at, then batches
-- RETURNS for each batch: {ms until the last of its jobs is due (0: all are), silent leases,
--         ms until the last of them ends (0), jobs that are put off,
--         what put off the one that is due last: as in its story, '' if it waits for its turn alone}
-- ERRORS none of its own

local now, most = clock_ms(ARGV[1]), tonumber(ARGV[3])
local waits = {}

local function see_put_off(wait, id, due)
  if due > wait.due then wait.due, wait.last = due, id end
end

for i = 4, #ARGV do
  local wait = {due = now, silent = 0, ends = now, put_off = 0}
  for _, lane in ipairs(LANES) do
    local key = due_key(lane, ARGV[i])
    local last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')
    if #last > 0 and tonumber(last[2]) > now then
      wait.put_off = wait.put_off + redis.call('ZCOUNT', key, '(' .. as_text(now), '+inf')
      see_put_off(wait, last[1], tonumber(last[2]))
    end
  end
  waits[ARGV[i]] = wait
end

-- The last ones first: those that are not looked at end earlier.
local counting = redis.call('ZREVRANGEBYSCORE', countdowns_key, '+inf', '(' .. as_text(now), 'WITHSCORES', 'LIMIT', 0, most)
for i = 1, #counting, 2 do
  local wait = waits[redis.call('HGET', job_key(counting[i]), 'batch')]
  if wait then
    wait.put_off = wait.put_off + 1
    see_put_off(wait, counting[i], tonumber(counting[i + 1]))
  end
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
  local told = wait.last and redis.call('LINDEX', story_key(wait.last), -1) or ''
  -- An event of before says nothing of this wait.
  if told ~= '' and cjson.decode(told)[6] ~= as_text(wait.due) then told = '' end
  answer[#answer + 1] = {math.ceil(wait.due - now), wait.silent, math.ceil(wait.ends - now), wait.put_off, told}
end
return answer
