-- Stands before every script: the key names, the server's clock, and how a job moves.
-- All keys lie below one prefix, KEYS[1] of every script:
--   job:<id>            hash    the job's record
--   payload:<id>        string  what the job carries (job.py, Payload)
--   due:<lane>:<batch>  zset    pending jobs by due time (ms)
--   turns:<lane>        zset    batches with pending jobs by the time of their next turn (ms)
--   leases              zset    active jobs by the end of their lease (ms)
--   countdowns          zset    active jobs whose attempt waits without a process, by its end (ms)
--   batch:<name>        hash    counts and times of a batch
--   batches             zset    names of batches by creation (ms)
--   dead:<batch>        zset    dead letters by time (ms)
--   workers             hash    worker name -> end of its membership (ms), processes for calls, for media
--   wake                list    at most one entry: something for a dispatcher to do
--   limiter             hash    state of the token bucket (limiter.py)
--   grants              list    times (us) of the requests granted in the last day
--   live_grants         list    times (us) of those granted to the live lane in the last day
--   gate                hash    reason, mode and times of the closed gate; absent while it is open
--   limits              hash    limits that were set while running; absent while those of the settings hold
--   people              hash    users as last read: read_at, and each page of them by its number (people/user.py)
--   people:reading      hash    the reading of users under way: the same, its cursor, and until when a page is taken
-- Numbers in answers are integers; times are milliseconds unless the name ends in _us.

local prefix = KEYS[1]

local function job_key(id) return prefix .. 'job:' .. id end
local function payload_key(id) return prefix .. 'payload:' .. id end
local function due_key(lane, batch) return prefix .. 'due:' .. lane .. ':' .. batch end
local function turns_key(lane) return prefix .. 'turns:' .. lane end
local function batch_key(name) return prefix .. 'batch:' .. name end
local function dead_key(name) return prefix .. 'dead:' .. name end
local leases_key = prefix .. 'leases'
local countdowns_key = prefix .. 'countdowns'
local wake_key = prefix .. 'wake'

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

-- Numbers are written by us, digit for digit; some servers would write a round time as 1.7e+12.
local function as_text(number) return string.format('%.0f', number) end

local function wake_dispatcher()
  if redis.call('LLEN', wake_key) == 0 then redis.call('LPUSH', wake_key, '1') end
end

local function count(batch, field, by)
  redis.call('HINCRBY', batch_key(batch), field, by)
end

-- Put a job among the pending of its batch and let the batch have its turn in time.
local function wait_until(id, lane, batch, due)
  redis.call('ZADD', due_key(lane, batch), due, id)
  local turn = redis.call('ZSCORE', turns_key(lane), batch)
  if not turn or due < tonumber(turn) then redis.call('ZADD', turns_key(lane), due, batch) end
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

-- From active to a state in which nobody holds the job.
local function let_go(id, batch, to)
  change_state(id, batch, 'active', to)
  redis.call('ZREM', leases_key, id)
  redis.call('ZREM', countdowns_key, id)
  redis.call('HDEL', job_key(id), 'run')
  wake_dispatcher()
end

local function make_dead(id, batch, now, code, message, request_id, step)
  let_go(id, batch, 'dead')
  redis.call('HSET', job_key(id), 'code', code, 'message', message, 'request_id', request_id,
    'dead_step', step, 'died_at', as_text(now))
  redis.call('ZADD', dead_key(batch), now, id)
end
