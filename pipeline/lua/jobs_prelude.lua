-- For scripts that look at jobs or move them: where a job stands, how it goes from one state to another, and who
-- is told of it.

-- Note that a recording of a batch came to an end, in the part of its time that is now. The parts are a minute wide at
-- first, and twice as wide whenever there would be too many: so weeks fit, and what is kept has a bound.
local PART_S = 60
local PARTS_MAX = 240
local function note_end(batch, now, what)
  local key = ended_key(batch)
  local known = redis.call('HMGET', key, 'width_s', 'first')
  local width, part = tonumber(known[1] or PART_S), nil
  local first, times = tonumber(known[2]), 1
  part = math.floor(now / 1000 / width)
  first = first or part
  while part - first >= PARTS_MAX do
    part, first, times = math.floor(part / 2), math.floor(first / 2), times * 2
  end
  if times > 1 then
    local parts = redis.call('HGETALL', key)
    redis.call('DEL', key)
    for i = 1, #parts, 2 do
      local number, of_it = string.match(parts[i], '^(%d+)(:.*)')
      if number then redis.call('HINCRBY', key, as_text(math.floor(number / times)) .. of_it, parts[i + 1]) end
    end
  end
  if times > 1 or not known[2] then redis.call('HSET', key, 'width_s', as_text(width * times), 'first', as_text(first)) end
  -- A clock that was set back counts where the batch began.
  redis.call('HINCRBY', key, as_text(math.max(part, first)) .. ':' .. what, 1)
end

-- Tell whoever wants to know, in the very script in which it comes about: so no event is lost, and none is told of
-- what did not happen. The same fields in the same order take the least memory.
local function tell(kind, now, ...)
  local kept = redis.call('GET', prefix .. 'events:kept')
  if kept then
    redis.call('XADD', prefix .. 'events', 'MAXLEN', '~', kept, '*', 'type', kind, 'at', as_text(now), ...)
  end
end

local function tell_recording(kind, now, batch, client_unique_id, id, call_id, reason, step, request_id, accepted_at)
  tell('recording.' .. kind, now, 'batch', batch, 'client_unique_id', client_unique_id, 'job_id', id,
    'call_id', call_id, 'reason', reason, 'step', step, 'request_id', request_id, 'accepted_at', accepted_at)
end

-- Tell that a batch is finished, once until something of it waits again: its manifests were handed in to their end,
-- and none of its jobs waits or is worked on. One without a manifest has no end that could be known.
local function end_batch(batch, now)
  local names = {'pending', 'active', 'being_handed_in', 'handings_in', 'ended_at', 'done', 'dead', 'cancelled'}
  local there = redis.call('HMGET', batch_key(batch), unpack(names))
  if not there[4] or there[5] then return end
  for i = 1, 3 do
    if there[i] and there[i] ~= '0' then return end
  end
  redis.call('HSET', batch_key(batch), 'ended_at', as_text(now))
  tell('batch.finished', now, 'batch', batch, 'done', there[6] or 0, 'dead', there[7] or 0,
    'cancelled', there[8] or 0, 'rejected', redis.call('HLEN', rejected_key(batch)))
end

-- Something of a batch waits again: it is not cancelled, nor at its end.
local function reopen_batch(batch) redis.call('HDEL', batch_key(batch), 'cancelled_at', 'ended_at') end

local function is_paused(batch) return redis.call('HEXISTS', batch_key(batch), 'paused_at') == 1 end

-- Put jobs, pairs of due time and id with the first one first, among the pending of their batch, and let the
-- batch have its turn in time, unless it is paused.
local function wait_all(lane, batch, due)
  redis.call('ZADD', due_key(lane, batch), unpack(due))
  local turn = redis.call('ZSCORE', turns_key(lane), batch)
  if (not turn or due[1] < tonumber(turn)) and not is_paused(batch) then
    redis.call('ZADD', turns_key(lane), due[1], batch)
  end
end

-- The place of a job is when it was accepted: before all that were accepted later.
local function place_of(id) return tonumber(redis.call('HGET', job_key(id), 'created_at') or nil) end

-- With a place it goes there when it is due, which may be now (`take_places`); without one behind all that are due then.
local function wait_until(id, lane, batch, due, now, place)
  wait_all(lane, batch, {due, id})
  if place and due > now then
    redis.call('ZADD', put_off_key, due, id)
  elseif place then
    -- The clock may have been set back since.
    redis.call('ZADD', due_key(lane, batch), math.min(place, due), id)
  end
end

-- How often a batch was cancelled, as its job's record remembers it from its last claim (`claim.lua`).
local function cancels_of(batch) return tonumber(redis.call('HGET', batch_key(batch), 'cancels')) or 0 end

-- Tell whether a batch was cancelled since this job was claimed, and that was not taken back.
local function is_cancelled_since(id, batch)
  local cancels = cancels_of(batch)
  if cancels == 0 then return false end
  local undone = tonumber(redis.call('HGET', batch_key(batch), 'cancels_undone')) or 0
  local known = tonumber(redis.call('HGET', job_key(id), 'cancels')) or 0
  return cancels > math.max(known, undone)
end

-- Where a job stands, '' if it is not there. A cancel moves whole sets and rewrites no record: who is recorded
-- as pending or dead, and does not lie where those do, was cancelled.
local function state_of(id)
  local job = redis.call('HMGET', job_key(id), 'state', 'lane', 'batch', 'dead_step', 'code')
  local place
  if job[1] == 'pending' then place = due_key(job[2], job[3]) end
  if job[1] == 'dead' then place = dead_key(job[4] .. ':' .. job[5], job[3]) end
  if place and not redis.call('ZSCORE', place, id) then return 'cancelled' end
  return job[1] or ''
end

-- The job's fields if this token holds it, otherwise nil. A run is one delivery of one step's message;
-- an empty run asks only for the token.
local function held(id, token, run)
  local it = redis.call('HMGET', job_key(id), 'state', 'token', 'run', 'batch', 'lane', 'attempts', 'step')
  if it[1] ~= 'active' or it[2] ~= token then return nil end
  if run ~= '' and it[3] ~= run then return nil end
  return {run = it[3], batch = it[4], lane = it[5], attempts = it[6], step = it[7]}
end

local function change_state(id, batch, from, to)
  redis.call('HSET', job_key(id), 'state', to)
  count(batch, from, -1)
  count(batch, to, 1)
end

local function extend_lease(id, ends)
  redis.call('ZADD', leases_key, ends, id)
end

-- From active to a state in which nobody holds the job, and whoever looks for work is told.
local function let_go(id, batch, to)
  change_state(id, batch, 'active', to)
  redis.call('ZREM', leases_key, id)
  redis.call('ZREM', countdowns_key, id)
  redis.call('HDEL', job_key(id), 'run', 'worker', 'begun_at', 'sent_bytes')
  wake_dispatcher()
end

-- Note in a job's story what kept it from going on; the last so many are kept, also when it is done.
local STORY_MAX = 20
-- With `due` the event put the job off until then.
local function note_story(id, now, step, code, message, request_id, due)
  redis.call('RPUSH', story_key(id), cjson.encode({as_text(now), step, code, message, request_id, due and as_text(due)}))
  redis.call('LTRIM', story_key(id), -STORY_MAX, -1)
end

-- Without a name it is the one that the job's record has, if events were wanted when it was handed in.
local function make_dead(id, batch, now, code, message, request_id, step, client_unique_id)
  local reason = step .. ':' .. code
  let_go(id, batch, 'dead')
  redis.call('HSET', job_key(id), 'code', code, 'message', message, 'request_id', request_id,
    'dead_step', step, 'died_at', as_text(now))
  redis.call('ZADD', dead_key(reason, batch), now, id)
  note_story(id, now, step, code, message, request_id)
  redis.call('SADD', reasons_key(batch), reason)
  note_end(batch, now, 'dead')
  count_total('died:' .. reason)
  count_total('dead:' .. (redis.call('HGET', job_key(id), 'lane') or ''))
  local job = redis.call('HMGET', job_key(id), 'n', 'call_id', 'created_at')
  tell_recording('dead', now, batch, client_unique_id or job[1] or '', id, job[2] or '', code, step, request_id, job[3] or '')
  end_batch(batch, now)
end

-- From active back to the pending, when it is due to its place if that is given, or to the cancelled if the batch was cancelled
-- meanwhile; gives which.
local function come_back(id, lane, batch, due, now, place)
  if is_cancelled_since(id, batch) then
    let_go(id, batch, 'cancelled')
    redis.call('ZADD', cancelled_key(cancels_of(batch), batch), due, id)
    end_batch(batch, now)
    return 'cancelled'
  end
  let_go(id, batch, 'pending')
  wait_until(id, lane, batch, due, now, place)
  return 'pending'
end

-- The reasons that dead letters of a batch have, '<step>:<code>' each; all of them or those of one code.
local function reasons_of(batch, code)
  local found = {}
  for _, reason in ipairs(redis.call('SMEMBERS', reasons_key(batch))) do
    if code == '' or reason:match(':(.*)') == code then found[#found + 1] = reason end
  end
  return found
end

-- A dead letter as it is read.
local function dead_letter(id)
  local job = redis.call('HMGET', job_key(id), 'code', 'message', 'request_id', 'dead_step', 'attempts', 'died_at')
  return {id, redis.call('GET', payload_key(id)), unpack(job)}
end

local function leave_dead(id, batch_of_it, step, its_code)
  local reason = step .. ':' .. its_code
  local key = dead_key(reason, batch_of_it)
  redis.call('ZREM', key, id)
  if redis.call('EXISTS', key) == 0 then redis.call('SREM', reasons_key(batch_of_it), reason) end
end

local function leave_cancelled(id, batch_of_it)
  for number = cancels_of(batch_of_it), 0, -1 do
    if redis.call('ZREM', cancelled_key(number, batch_of_it), id) == 1 then return end
  end
end

-- A dead or cancelled job waits again at its place, with its attempts forgiven, and its batch lives again if it was
-- cancelled.
local function bring_back(id, state, due)
  local job = redis.call('HMGET', job_key(id), 'lane', 'batch', 'dead_step', 'code')
  local lane, batch = job[1], job[2]
  if state == 'dead' then
    leave_dead(id, batch, job[3], job[4])
  else
    leave_cancelled(id, batch)
    redis.call('ZREM', put_off_key, id)
  end
  redis.call('HDEL', job_key(id), 'code', 'message', 'request_id', 'dead_step', 'died_at')
  redis.call('HSET', job_key(id), 'attempts', 0)
  note_story(id, due, '', 'brought_back', '', '')
  change_state(id, batch, state, 'pending')
  reopen_batch(batch)
  wait_until(id, lane, batch, due, due, place_of(id))
end
