-- For scripts that know the rows of manifests.
-- A batch may be handed in by several manifests; each has a number in it. Number 0 is none: the jobs that other
-- systems hand in one by one, in the order in which they came.

-- Rows of manifests are kept in small chunks, which the server keeps compact.
local CHUNK_LINES = 256

local function chunk_of(line) return math.floor(line / CHUNK_LINES) end

local function packed_id(id)
  return (string.gsub(id, '%x%x', function(digits) return string.char(tonumber(digits, 16)) end))
end

-- In one go: this is most of what it takes to look at a million rows.
local ID_DIGITS = string.rep('%02x', 12)
local function unpacked_id(bytes)
  if bytes == '' then return '' end
  return string.format(ID_DIGITS, string.byte(bytes, 1, 12))
end

local function note_packed(batch, manifest, line, bytes)
  redis.call('HSET', rows_key(batch, manifest, chunk_of(line)), line, bytes)
end

-- What a line of a manifest became: a job's id, or '' for a rejected row.
local function note_row(batch, manifest, line, id) note_packed(batch, manifest, line, packed_id(id)) end

-- Whether a line of a manifest is known.
local function is_row(batch, manifest, line)
  return redis.call('HEXISTS', rows_key(batch, manifest, chunk_of(line)), line) == 1
end

-- The id of the job that a line became; '' if it was rejected, or never read.
local function job_of_row(batch, manifest, line)
  return unpacked_id(redis.call('HGET', rows_key(batch, manifest, chunk_of(line)), line) or '')
end

local function digest_field(manifest, digest) return manifest .. '/' .. digest end

-- The ids, in 12 bytes each, of the jobs that rows of this digest became when they were corrected elsewhere; some may be
-- forgotten.
local function corrected_ids(batch, manifest, digest)
  return digest ~= '' and redis.call('HGET', originals_key(batch), digest_field(manifest, digest)) or ''
end

-- A rejected row is right, or another one.
local function leave_rejected(batch, manifest, line)
  if redis.call('HDEL', rejected_key(batch), manifest .. ':' .. line) == 1 then
    redis.call('HDEL', originals_key(batch), manifest .. ':' .. line)
  end
end

local function reject_row(batch, manifest, line, record)
  note_row(batch, manifest, line, '')
  redis.call('HSET', rejected_key(batch), manifest .. ':' .. line, record)
end

local function last_line(batch, manifest)
  if manifest == '0' then return tonumber(redis.call('HGET', batch_key(batch), 'lines') or 0) end
  return tonumber(redis.call('HGET', manifests_key(batch), manifest .. ':last') or 0)
end

local function reach_line(batch, manifest, line)
  if manifest ~= '0' and line > last_line(batch, manifest) then
    redis.call('HSET', manifests_key(batch), manifest .. ':last', line)
  end
end

local function found_batch(batch, now)
  if redis.call('ZADD', batches_key, 'NX', now, batch) == 1 then
    redis.call('HSET', batch_key(batch), 'created_at', as_text(now))
  end
end

-- Forget a job that is done or cancelled, if it is this batch's; tells whether it was.
local function forget_job(id, batch)
  local job, state = redis.call('HMGET', job_key(id), 'batch', 'step', 'z', 'adopted'), state_of(id)
  if job[1] ~= batch or (state ~= 'done' and state ~= 'cancelled') then return false end
  count(batch, state, -1)
  if state == 'cancelled' then leave_cancelled(id, batch) end
  if state == 'done' or job[2] == 'created' then count(batch, 'created', -1) end
  if job[3] then count(batch, 'uploaded', -1) end
  if job[4] == '1' then count(batch, 'adopted', -1) end
  redis.call('DEL', job_key(id), payload_key(id), story_key(id))
  return true
end
