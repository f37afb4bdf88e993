-- Write jobs into the ledger, and note which row of which manifest each one is.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 batch, 3 lane, 4 number of the manifest (0: none),
--       5 number of its handing in ('0': none that may change what is there), 6 '1' if these are rows that were
--       rejected and are corrected, '0' if they stand so in the manifest,
--       then for each job, in one: id, the id in 12 bytes, '1' or '0' (whether it has media to upload),
--       and behind a line break each: content hash, and behind a blank its traceparent if it has one; line (0: none),
--       length of the clientUniqueId (bytes), that and the payload
-- RETURNS for each job {'known' | 'updated' | 'conflict', state, batch}; for those that are new, how many come one after
--       the other
-- ERRORS none of its own; out of memory is refused by the server before the first write
--
-- A job that is there already stays as it is, unless its own batch hands it in later with other content, or with a link
-- instead of an upload or the other way round, before anything of it may have reached the API: then it is updated, and
-- starts again from validation. Of two rows of one handing in that name the same recording and differ, the first one
-- stays. Where its media lies is as its batch said last.
-- A corrected row that says of a line that it was rejected there, and it was not, has no line of the manifest.

local now, batch, lane, manifest = clock_ms(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local handing_in, corrects = ARGV[5], ARGV[6] == '1'
local results, back, last = {}, 0, 0
-- Who may not use it is refused here, before anything is written.
if manifest ~= '0' then redis.call('EXISTS', originals_key(batch)) end
-- What is new is written kind by kind at the end: a command for many jobs costs hardly more than one for one.
local payloads, due, rows, written = {}, {}, {}, {}

-- Whoever is lost with a job, and knows nothing but its id, tells of it by its name.
local is_told = redis.call('EXISTS', prefix .. 'events:kept') == 1

local function write(id, content, has_media, payload, name, trace)
  redis.call('HSET', job_key(id), 'state', 'pending', 'step', '', 'batch', batch, 'lane', lane,
    'content', content, 'media', has_media, 'attempts', 0, 'token', 0, 'created_at', as_text(now), 'seen', handing_in)
  if is_told then redis.call('HSET', job_key(id), 'n', name) end
  if trace ~= '' then redis.call('HSET', job_key(id), 'traceparent', trace) end
  payloads[#payloads + 1] = payload_key(id)
  payloads[#payloads + 1] = payload
  -- a thousandth of a millisecond apart, so that jobs of one bundle keep their order
  due[#due + 1] = now + (#due / 2) / 1000
  due[#due + 1] = id
  written[id] = content
end

-- Of two that are under way at once, the one that began later.
local function may_update(job)
  return tonumber(job.seen or 0) < tonumber(handing_in) and job.batch == batch and job.state ~= 'cancelled'
    and job.posted ~= '1' and (job.step == '' or job.step == 'validated')
end

local function update(id, job, content, has_media, payload, trace)
  redis.call('HSET', job_key(id), 'step', '', 'content', content, 'media', has_media, 'seen', handing_in)
  if trace ~= '' then redis.call('HSET', job_key(id), 'traceparent', trace) end
  redis.call('HDEL', job_key(id), 'users', 'link', 'size_bytes')
  redis.call('SET', payload_key(id), payload)
  if job.state == 'pending' then return 'pending' end
  back = back + 1
  -- the attempt that has begun holds the job no more, and so sends nothing of the old content
  if job.state == 'active' then return come_back(id, job.lane, batch, now + back / 1000, now) end
  bring_back(id, 'dead', now + back / 1000)
  return 'pending'
end

-- Whether a payload says itself where its media lies, which may be elsewhere now (payload.py: versions 6 and 7).
local function says_where(payload) return string.match(payload, '^[67]\n') ~= nil end

local NAMES = {'content', 'media', 'batch', 'lane', 'step', 'posted', 'seen'}

-- What is there of a job that is not new.
local function submit(id, content, has_media, payload, name, trace)
  if written[id] then return {written[id] == content and 'known' or 'conflict', 'pending', batch} end
  if redis.call('EXISTS', job_key(id)) == 0 then
    write(id, content, has_media, payload, name, trace)
    return nil
  end
  local job = {state = state_of(id)}
  for i, value in ipairs(redis.call('HMGET', job_key(id), unpack(NAMES))) do job[NAMES[i]] = value end
  if job.content == content and (job.media == has_media or not may_update(job)) then
    if may_update(job) then redis.call('HSET', job_key(id), 'seen', handing_in) end
    -- Its chain was made for an upload, or for none.
    local is_alike = job.media == has_media and job.state ~= 'done'
    if says_where(payload) and handing_in ~= '0' and job.batch == batch and is_alike then
      redis.call('SET', payload_key(id), payload)
    end
    return {'known', job.state, job.batch}
  end
  if may_update(job) then return {'updated', update(id, job, content, has_media, payload, trace), batch} end
  return {'conflict', job.state, job.batch}
end

local function note(bytes, line)
  local chunk = chunk_of(line)
  local lines = rows[chunk] or {}
  rows[chunk] = lines
  lines[#lines + 1] = line
  lines[#lines + 1] = bytes
  last = math.max(last, tonumber(line))
end

local function next_line() return redis.call('HINCRBY', batch_key(batch), 'lines', 1) end

-- Whether a row was rejected at that line, or is this very job since; the first one that says so has it.
local taken = {}
local function was_rejected_at(line, bytes)
  local there = taken[line] or redis.call('HGET', rows_key(batch, manifest, chunk_of(line)), line)
  if there ~= '' and there ~= bytes then return false end
  taken[line] = bytes
  return true
end

-- Note the row's job. A job that came without a manifest, or without a line of one, gets the next line of manifest 0.
local function place(bytes, line, is_new)
  if manifest == '0' then
    if is_new then note(bytes, next_line()) end
  elseif not corrects or was_rejected_at(line, bytes) then
    note(bytes, line)
  elseif is_new then
    note_packed(batch, '0', next_line(), bytes)
  end
end

-- Most of a manifest are new, so that is told in a number.
local function answer(result)
  if result then
    results[#results + 1] = result
  elseif type(results[#results]) == 'number' then
    results[#results] = results[#results] + 1
  else
    results[#results + 1] = 1
  end
end

for i = 7, #ARGV do
  local job = ARGV[i]
  local content, trace, line, length, rest = string.match(job, '^\n(%S+) ?(%S*)\n(%d+)\n(%d+)\n()', 38)
  local name, payload = string.sub(job, rest, rest + length - 1), string.sub(job, rest + length)
  local result = submit(string.sub(job, 1, 24), content, string.sub(job, 37, 37), payload, name, trace)
  if not result or result[1] ~= 'conflict' then place(string.sub(job, 25, 36), line, not result) end
  answer(result)
end

-- The jobs that rows of a digest became, as bytes, with those of this script.
local corrected = {}
local function corrected_of(known)
  if not corrected[known] then
    local ids = redis.call('HGET', originals_key(batch), known) or ''
    corrected[known] = {ids = {ids}, is_known = {}}
    for i = 1, #ids, 12 do corrected[known].is_known[string.sub(ids, i, i + 11)] = true end
  end
  return corrected[known]
end

-- Know the row that stands in the manifest as this job from now on.
local function correct(field, bytes)
  local digest = redis.call('HGET', originals_key(batch), field)
  if not digest then return end
  local jobs = corrected_of(digest_field(manifest, digest))
  if not jobs.is_known[bytes] then
    jobs.is_known[bytes], jobs.ids[#jobs.ids + 1] = true, bytes
  end
end

local function accept(chunk, lines)
  redis.call('HSET', rows_key(batch, manifest, chunk), unpack(lines))
  if manifest == '0' or redis.call('EXISTS', rejected_key(batch)) == 0 then return end
  for i = 1, #lines, 2 do
    if corrects then correct(manifest .. ':' .. lines[i], lines[i + 1]) end
    leave_rejected(batch, manifest, lines[i])
  end
end

for chunk, lines in pairs(rows) do accept(chunk, lines) end
for known, jobs in pairs(corrected) do
  if #jobs.ids > 1 then redis.call('HSET', originals_key(batch), known, table.concat(jobs.ids)) end
end
reach_line(batch, manifest, last)
if #due > 0 then
  found_batch(batch, now)
  redis.call('MSET', unpack(payloads))
  wait_all(lane, batch, due)
  count(batch, 'pending', #due / 2)
  -- for these rows it lives again; what was cancelled stays so
  reopen_batch(batch)
end
if #due + back > 0 then wake_dispatcher() end
return results
