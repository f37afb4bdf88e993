-- What every script may use: the key names, the server's clock; and what stands before each of them. Of a prelude a
-- script has what it uses (scripts.py), which takes definitions one by one: each begins and ends at the left edge.
-- All keys lie below one prefix, KEYS[1] of every script (if it is given twice, the last argument is what was counted: see the end):
--   job:<id>            hash    the job's record; of a done job little is kept (record_step.lua)
--   payload:<id>        string  what the job carries (payload.py)
--   story:<id>          list    what kept a job from going on, the oldest first; absent while nothing did
--   due:<lane>:<batch>  zset    pending jobs by due time (ms)
--   put_off             zset    pending jobs that go to their places when their wait is over, by when that is (ms)
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
--   originals:<batch>   hash    <manifest>:<line> -> digest of the rejected row as it stands; <manifest>/<digest> -> ids, in 12
--                               bytes each, of the jobs that such rows became when they were corrected elsewhere;
--                               <manifest>/<digest>@<id, too> -> number of a handing in, and the line that is this job in it;
--                               <manifest>/<digest>/next -> number of a handing in, and where a job without a line may stand
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
--                               attempt, attempt_ends_ms: who asks for new ones, and until when no other does; asked_by:
--                               where the answer may lie if it was not stored; lost: why no refresh can
--                               succeed; used:<fingerprint> of each refresh token of the settings
--   people              hash    users as last read: read_at, and each page of them by its number (people/user.py)
--   people:reading      hash    the reading of users under way: the same, its cursor, and until when a page is taken
--   totals              hash    counters of the fleet since the ledger began (history/counted.py)
--   traffic:<hour>      hash    <minute>:<endpoint>:<lane>:<kind> -> requests; the hour since the epoch, kept for a day
--   closings            list    the last closings of the gate, the newest first (limiter_prelude.lua)
--   ended:<batch>       hash    width_s, first: parts of its time; <number of the part>:<done|dead> -> recordings
--   celery:<queue>      list    messages of the broker, the oldest last (workers/step_message.py); what else begins so is Celery's
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
local function originals_key(batch) return prefix .. 'originals:' .. batch end
local function rows_key(batch, manifest, chunk) return prefix .. 'rows:' .. batch .. ':' .. manifest .. ':' .. chunk end
local function dead_key(reason, batch) return prefix .. 'dead:' .. reason .. ':' .. batch end
local function reasons_key(batch) return prefix .. 'reasons:' .. batch end
local function cancelled_key(number, batch) return prefix .. 'cancelled:' .. number .. ':' .. batch end
local function traffic_key(hour) return prefix .. 'traffic:' .. as_text(hour) end
local function queue_key(queue) return prefix .. 'celery:' .. queue end
local function ended_key(batch) return prefix .. 'ended:' .. batch end
local LANES = {'live', 'backfill'}
local batches_key = prefix .. 'batches'
local leases_key = prefix .. 'leases'
local put_off_key = prefix .. 'put_off'
local countdowns_key = prefix .. 'countdowns'
local duties_key = prefix .. 'duties'
local oauth_key = prefix .. 'oauth'
local wake_key = prefix .. 'wake'
local totals_key = prefix .. 'totals'
local closings_key = prefix .. 'closings'
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

-- Add what the asker has counted since its last script: '<now (ms, empty for the server's clock)>', then names of
-- counters, each with by how much. A name that begins with 'minute:' is counted in the traffic of this minute, any
-- other in the totals (history/counted.py). It costs no command of its own, and nothing fails because of it.
if KEYS[2] then
  local given, pairs_of_it = string.match(table.remove(ARGV), '^(%S*) (.*)$')
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
