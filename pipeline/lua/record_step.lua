-- Record that a step succeeded, and put the message of the next one into the broker; the last step ends the job.
-- Recording the same again changes nothing.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 id, 3 token, 4 run, 5 lease (ms),
--       6 what is recorded: validated | created | uploaded, 7 clientUniqueId if it is the chain's last step, else '',
--       8 queue and 9 message of the next step, both '' if there is none,
--       then pairs of field and value for the job's record
-- RETURNS 'recorded', or 'stale' if the lease is lost
-- ERRORS none of its own

-- A done job keeps what a report tells of it and what knows it again. A million of them lie there for weeks, so
-- the names are short and times are whole seconds; all values but a very long name take at most 64 bytes, which
-- is what keeps a small hash compact. The address of the call is kept once a batch, with {call_id} in its place.
--   state, batch, content, call_id, adopted, url    as before
--   n clientUniqueId, h SHA-256 (base64), z bytes of what was uploaded ('' if not known), a attempts (if any), t accepted,
--   d done
local function finish(id, batch, now, client_unique_id, details)
  let_go(id, batch, 'done')
  local key = job_key(id)
  local job = redis.call('HMGET', key, 'content', 'call_id', 'adopted', 'attempts', 'created_at')
  redis.call('DEL', key, payload_key(id))
  redis.call('HSET', key, 'state', 'done', 'batch', batch, 'content', job[1], 'n', client_unique_id,
    't', math.floor(job[5] / 1000), 'd', math.floor(now / 1000))
  local kept = {call_id = details.call_id or job[2], adopted = details.adopted or job[3], h = details.sha256,
    z = details.bytes, a = job[4] ~= '0' and job[4]}
  for name, value in pairs(kept) do
    if value then redis.call('HSET', key, name, value) end
  end
  if details.url then
    redis.call('HSETNX', batch_key(batch), 'url', details.url)
    if redis.call('HGET', batch_key(batch), 'url') ~= details.url then redis.call('HSET', key, 'url', details.url) end
  end
  tell_recording('done', now, batch, client_unique_id, id, kept.call_id or '', '', '', '', job[5])
  end_batch(batch, now)
end

local ORDER = {validated = 1, created = 2, uploaded = 3}
local now, id, token, run, step, last = clock_ms(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[6], ARGV[7]
local job = held(id, token, run)
if not job then
  local there = redis.call('HMGET', job_key(id), 'state', 'step', 'token', 'recorded_by')
  -- The answer was lost, and what was published may have gone on meanwhile.
  local is_past = (ORDER[there[2]] or 0) > ORDER[step]
  local again = there[3] == token and (is_past or there[2] == step and there[4] == run)
  return (again or (last ~= '' and there[1] == 'done')) and 'recorded' or 'stale'
end

local details = {}
for i = 10, #ARGV, 2 do details[ARGV[i]] = ARGV[i + 1] end
if details.adopted then count(job.batch, 'adopted', 1) end
if step ~= 'validated' then count(job.batch, step, 1) end
if last ~= '' then
  finish(id, job.batch, now, last, details)
  note_end(job.batch, now, 'done')
  count_total('done:' .. job.lane)
else
  if ARGV[8] ~= '' then redis.call('LPUSH', queue_key(ARGV[8]), ARGV[9]) end
  redis.call('HSET', job_key(id), 'step', step, 'recorded_by', run, 'run', '')
  for name, value in pairs(details) do redis.call('HSET', job_key(id), name, value) end
  extend_lease(id, now + tonumber(ARGV[5]))
end
return 'recorded'
