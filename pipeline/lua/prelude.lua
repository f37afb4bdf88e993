-- Stands before every script: the key names, the server's clock, how a job moves, and what the asker has counted.
-- All keys lie below one prefix, KEYS[1] of every script (if it is given twice, the last argument is what was counted: see the end):
--   job:<id>            hash    the job's record; of a done job little is kept (finish, below)
--   payload:<id>        string  what the job carries (payload.py)
--   story:<id>          list    what kept a job from going on, the oldest first; absent while nothing did
--   due:<lane>:<batch>  zset    pending jobs by due time (ms)
--   turns:<lane>        zset    batches with pending jobs by the time of their next turn (ms)
--   leases              zset    active jobs by the end of their lease (ms)
--   countdowns          zset    active jobs whose attempt waits without a process, by its end (ms)
--   batch:<name>        hash    counts and times of a batch
--   batches             zset    names of batches by creation (ms)
--   manifests:<batch>   hash    of:<name> -> number of a manifest; <number>:name, :last (line), :fingerprint, :read_at (ms),
--                               :open while it is handed in
--   rows:<batch>:<manifest>:<chunk>
--                       hash    line -> id of its job in 12 bytes, '' for a rejected row; 256 lines a chunk
--   rejected:<batch>    hash    <manifest>:<line> -> the rejected row (ledger/manifests.py)
--   dead:<step>:<code>:<batch>  zset  dead letters of one reason by time (ms)
--   reasons:<batch>     set     '<step>:<code>' of each reason that dead letters of a batch have
--   cancelled:<number>:<batch>  zset  jobs that were cancelled together; number 0: one by one
--   events              stream  what became of recordings and batches, while somebody wants to know (pipeline/events.py)
--   events:kept         string  about how many of them stay; absent while nobody wants any
--   webhook             hash    how far the deliveries to the webhook are (next_events.lua)
--   workers             hash    worker name -> end of its membership (ms), processes for calls, for media, its version, and a
--                               fingerprint of its settings
--   duties              hash    what one worker does for all -> until when it has that duty (ms), and its name
--   wake                list    at most one entry: something for a dispatcher to do
--   limiter             hash    state of the token bucket (limiter.py)
--   grants              list    times (us) of the requests granted in the last day
--   live_grants         list    times (us) of those granted to the live lane in the last week
--   gate                hash    reason, mode and times of the closed gate; absent while it is open
--   limits              hash    limits that were set while running; absent while those of the settings hold
--   oauth               hash    OAuth tokens: version; sealed (pipeline/authorization); lifetime_ms, ends_ms of the access token;
--                               attempt, attempt_ends_ms: who asks for new ones, and until when no other does; lost: why
--                               no refresh can succeed; used:<fingerprint> of each refresh token of the settings
--   people              hash    users as last read: read_at, and each page of them by its number (people/user.py)
--   people:reading      hash    the reading of users under way: the same, its cursor, and until when a page is taken
--   totals              hash    counters of the fleet since the ledger began (history/counted.py)
--   traffic:<hour>      hash    <minute>:<endpoint>:<lane>:<kind> -> requests; the hour since the epoch, kept for a day
--   closings            list    the last closings of the gate, the newest first (limiter_prelude.lua)
--   ended:<batch>       hash    width_s, first: parts of its time; <number of the part>:<done|dead> -> recordings
--   format              string  number of the format of all this, absent for 1; written by whoever brings another one
-- Numbers in answers are integers; times are milliseconds unless the name ends in _us.

local prefix = KEYS[1]

-- A ledger in another format is left alone, also by a program that was in the middle of its work when it was changed.
local FORMAT = '1'
local format = redis.call('GET', prefix .. 'format') or '1'
if format ~= FORMAT then
  return redis.error_reply('FORMAT the ledger has the format ' .. format .. ', and this program knows ' .. FORMAT)
end

-- Numbers are written by us, digit for digit; some servers would write a round time as 1.7e+12.
local function as_text(number) return string.format('%.0f', number) end

local function job_key(id) return prefix .. 'job:' .. id end
local function payload_key(id) return prefix .. 'payload:' .. id end
local function story_key(id) return prefix .. 'story:' .. id end
local function due_key(lane, batch) return prefix .. 'due:' .. lane .. ':' .. batch end
local function turns_key(lane) return prefix .. 'turns:' .. lane end
local function batch_key(name) return prefix .. 'batch:' .. name end
local function manifests_key(batch) return prefix .. 'manifests:' .. batch end
local function rejected_key(batch) return prefix .. 'rejected:' .. batch end
local function rows_key(batch, manifest, chunk) return prefix .. 'rows:' .. batch .. ':' .. manifest .. ':' .. chunk end
local function dead_key(reason, batch) return prefix .. 'dead:' .. reason .. ':' .. batch end
local function reasons_key(batch) return prefix .. 'reasons:' .. batch end
local function cancelled_key(number, batch) return prefix .. 'cancelled:' .. number .. ':' .. batch end
local function traffic_key(hour) return prefix .. 'traffic:' .. as_text(hour) end
local function ended_key(batch) return prefix .. 'ended:' .. batch end
local LANES = {'live', 'backfill'}
local batches_key = prefix .. 'batches'
local leases_key = prefix .. 'leases'
local countdowns_key = prefix .. 'countdowns'
local duties_key = prefix .. 'duties'
local oauth_key = prefix .. 'oauth'
local wake_key = prefix .. 'wake'
local totals_key, closings_key = prefix .. 'totals', prefix .. 'closings'
-- The day that is told, and the hours that it begins and ends in.
local TRAFFIC_KEPT_S = 26 * 3600

-- The server's clock; tests pass a time of their own.
local function clock_us(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function clock_ms(given)
  if given ~= '' then return tonumber(given) end
  return math.floor(clock_us('') / 1000)
end

local function wake_dispatcher()
  if redis.call('LLEN', wake_key) == 0 then redis.call('LPUSH', wake_key, '1') end
end

local function count(batch, field, by)
  redis.call('HINCRBY', batch_key(batch), field, by)
end

local function count_total(name) redis.call('HINCRBY', totals_key, name, 1) end

-- Note that a recording of a batch came to an end, in the part of its time that is now. The parts are a minute wide at
-- first, and twice as wide whenever there would be too many: so weeks fit, and what is kept has a bound.
local PART_S, PARTS_MAX = 60, 240
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

local function wait_until(id, lane, batch, due) wait_all(lane, batch, {due, id}) end

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
  local names = {'state', 'token', 'run', 'batch', 'lane', 'attempts', 'step'}
  local values = redis.call('HMGET', job_key(id), unpack(names))
  local job = {}
  for i, name in ipairs(names) do job[name] = values[i] end
  if job.state ~= 'active' or job.token ~= token then return nil end
  if run ~= '' and job.run ~= run then return nil end
  return job
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
local function note_story(id, now, step, code, message, request_id)
  redis.call('RPUSH', story_key(id), cjson.encode({as_text(now), step, code, message, request_id}))
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

-- From active back to the pending, or to the cancelled if the batch was cancelled meanwhile; gives which.
local function come_back(id, lane, batch, due, now)
  if is_cancelled_since(id, batch) then
    let_go(id, batch, 'cancelled')
    redis.call('ZADD', cancelled_key(cancels_of(batch), batch), due, id)
    end_batch(batch, now)
    return 'cancelled'
  end
  let_go(id, batch, 'pending')
  wait_until(id, lane, batch, due)
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

-- A dead or cancelled job waits again, with its attempts forgiven, and its batch lives again if it was cancelled.
local function bring_back(id, state, due)
  local job = redis.call('HMGET', job_key(id), 'lane', 'batch', 'dead_step', 'code')
  local lane, batch = job[1], job[2]
  if state == 'dead' then
    leave_dead(id, batch, job[3], job[4])
  else
    leave_cancelled(id, batch)
  end
  redis.call('HDEL', job_key(id), 'code', 'message', 'request_id', 'dead_step', 'died_at')
  redis.call('HSET', job_key(id), 'attempts', 0)
  note_story(id, due, '', 'brought_back', '', '')
  change_state(id, batch, state, 'pending')
  reopen_batch(batch)
  wait_until(id, lane, batch, due)
end

-- Add what the asker has counted since its last script: '<now (ms, empty for the server's clock)>', then names of
-- counters, each with by how much. A name that begins with 'minute:' is counted in the traffic of this minute, any
-- other in the totals (history/counted.py). It costs no command of its own, and nothing fails because of it.
local function add_counted(text)
  local given, pairs_of_it = string.match(text, '^(%S*) (.*)$')
  local minute = math.floor(clock_ms(given) / 60000)
  for name, by in string.gmatch(pairs_of_it, '(%S+) (%d+)') do
    local of_minute = string.match(name, '^minute:(.*)')
    if of_minute then
      local key = traffic_key(math.floor(minute / 60))
      if redis.pcall('HINCRBY', key, minute % 60 .. ':' .. of_minute, by) == tonumber(by) then
        redis.pcall('EXPIRE', key, TRAFFIC_KEPT_S)
      end
    else
      redis.pcall('HINCRBY', totals_key, name, by)
    end
  end
end

if KEYS[2] then add_counted(table.remove(ARGV)) end
