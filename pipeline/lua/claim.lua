-- Lease jobs to new attempts: first those whose lease ran out (rescue), then due ones. Of a batch that is paused
-- or was cancelled nothing is leased: its jobs whose lease ran out go where such jobs wait.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 window: most jobs under a living lease, 3 most of backfill to lease
--       now, 4 since when the gate may be probed (us), if it waits for that, else 0: only leases that began since then
--       count towards the window, 5 lease (ms), 6 attempts after which a job is dead, then the lanes to claim from, the
--       first one first; without any, what is rescued waits
-- RETURNS {ms until the next job is due (-1: none waits),
--          {id, token, last step recorded, '1' if it has media, '1' if rescued, batch, traceparent if it has one}, ...}
-- ERRORS none of its own
--
-- A lease that ran out does not count towards the window, so a rescue takes a free place like any other
-- claim: jobs that wait for a process are not rescued over and over. A rescue costs an attempt only if a
-- step had begun: a message that was lost, or waited too long for a process, says nothing against the job.

local now, lease = clock_ms(ARGV[1]), tonumber(ARGV[5])
local attempts_max, probed_since, has_lanes = tonumber(ARGV[6]), tonumber(ARGV[4]), #ARGV > 6

-- Jobs whose wait is over go to their places, at most so many of them in one claim.
local PLACES_TAKEN = 1000
local function take_places()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', put_off_key, '-inf', now + 1, 'LIMIT', 0, PLACES_TAKEN)) do
    redis.call('ZREM', put_off_key, id)
    local job = redis.call('HMGET', job_key(id), 'lane', 'batch', 'created_at')
    -- Nothing of one that was cancelled meanwhile.
    if job[3] then redis.call('ZADD', due_key(job[1], job[2]), 'XX', 'LT', job[3], id) end
  end
end

-- Those who may be the probe: a token is when its lease began (`next_token`).
local function probing()
  local count = 0
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases_key, '(' .. as_text(now), '+inf')) do
    local may_be = tonumber(redis.call('HGET', job_key(id), 'token')) >= probed_since
    if may_be and not redis.call('ZSCORE', countdowns_key, id) then count = count + 1 end
  end
  return count
end

-- Who waits without a process leaves its place to others, up to as many as there are places.
redis.call('ZREMRANGEBYSCORE', countdowns_key, '-inf', now)
local function room_in(window)
  if probed_since > 0 then return window - probing() end
  local alive = redis.call('ZCOUNT', leases_key, '(' .. as_text(now), '+inf')
  return window - alive + math.min(window, redis.call('ZCARD', countdowns_key))
end

take_places()
local room = room_in(tonumber(ARGV[2]))
local claims = {-1}

-- A token grows with every claim, and with the clock, so that none comes again after a ledger was lost.
local function next_token(id)
  local last = tonumber(redis.call('HGET', job_key(id), 'token')) or 0
  return as_text(math.max(last + 1, now * 1000))
end

-- With the number of its batch's cancels: a later one finds it when it comes back.
local function lease_job(id, batch, rescued)
  local token, cancels = next_token(id), cancels_of(batch)
  redis.call('HSET', job_key(id), 'token', token, 'run', '')
  if cancels > 0 then redis.call('HSET', job_key(id), 'cancels', cancels) end
  extend_lease(id, now + lease)
  local job = redis.call('HMGET', job_key(id), 'step', 'media', 'traceparent')
  claims[#claims + 1] = {id, token, job[1], job[2], rescued, batch, job[3] or nil}
end

-- The step at which a job whose lease ran out was, by the last one recorded.
local AT_STEP = {[''] = 'validate', validated = 'create_call', created = 'upload_media'}

local function rescue(id)
  local job = redis.call('HMGET', job_key(id), 'batch', 'step', 'run', 'lane')
  local batch, had_begun = job[1], job[3] ~= ''
  count_total('rescued')
  local attempts = redis.call('HINCRBY', job_key(id), 'attempts', had_begun and 1 or 0)
  if had_begun and attempts >= attempts_max then
    make_dead(id, batch, now, 'worker_lost',
      'attempt ' .. attempts .. ' was the last: its worker was killed or got stuck at this job', '', AT_STEP[job[2]])
  elseif not has_lanes or is_paused(batch) or is_cancelled_since(id, batch) then
    come_back(id, job[4], batch, now, now, place_of(id))
  else
    if had_begun then note_story(id, now, AT_STEP[job[2]], 'worker_lost', 'its worker was killed or got stuck', '') end
    lease_job(id, batch, '1')
    room = room - 1
  end
end

-- The due jobs of a batch, in order. The one that probes a gate is of the first ones the one that failed least: else it
-- were always the same, which may fail for what it is itself.
local PROBERS = 32
local function due_jobs(key, most)
  if probed_since == 0 then return redis.call('ZRANGEBYSCORE', key, '-inf', now + 1, 'LIMIT', 0, most) end
  local prober, fewest
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', now + 1, 'LIMIT', 0, PROBERS)) do
    local attempts = tonumber(redis.call('HGET', job_key(id), 'attempts'))
    if not fewest or attempts < fewest then prober, fewest = id, attempts end
  end
  return {prober}
end

local function claim_due(lane, batch, most)
  local key = due_key(lane, batch)
  for _, id in ipairs(due_jobs(key, most)) do
    redis.call('ZREM', key, id)
    change_state(id, batch, 'pending', 'active')
    lease_job(id, batch, '0')
    room = room - 1
  end
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if #first == 0 then
    redis.call('ZREM', turns_key(lane), batch)
  else
    redis.call('ZADD', turns_key(lane), math.max(tonumber(first[2]), now), batch)
  end
end

-- Turns that are all in the future although jobs are due were taken before the clock was set back.
local function mend_turns(lane)
  local first = redis.call('ZRANGE', turns_key(lane), 0, 0, 'WITHSCORES')
  if #first == 0 or tonumber(first[2]) <= now + 1 then return end
  for _, batch in ipairs(redis.call('ZRANGE', turns_key(lane), 0, 99)) do
    local due = redis.call('ZRANGE', due_key(lane, batch), 0, 0, 'WITHSCORES')
    if #due > 0 then redis.call('ZADD', turns_key(lane), math.max(tonumber(due[2]), now), batch) end
  end
end

-- Batches take turns: the one served longest ago is first, each with an equal share of the room. What one
-- leaves of its share is shared again.
local function claim_lane(lane)
  mend_turns(lane)
  local before
  repeat
    before = room
    local batches = redis.call('ZRANGEBYSCORE', turns_key(lane), '-inf', now + 1, 'LIMIT', 0, 100)
    local share = math.max(1, math.floor(room / math.max(1, #batches)))
    for _, batch in ipairs(batches) do
      if room > 0 then claim_due(lane, batch, math.min(share, room)) end
    end
  until room <= 0 or room == before
end

if room > 0 then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases_key, '-inf', now, 'LIMIT', 0, room)) do rescue(id) end
end
for i = 7, #ARGV do
  local lane = ARGV[i]
  if lane == 'backfill' then room = math.min(room, tonumber(ARGV[3])) end
  if room > 0 then claim_lane(lane) end
  local first = redis.call('ZRANGE', turns_key(lane), 0, 0, 'WITHSCORES')
  if #first > 0 then
    local wait = math.max(0, math.ceil(tonumber(first[2]) - now))
    if claims[1] < 0 or wait < claims[1] then claims[1] = wait end
  end
end
return claims
