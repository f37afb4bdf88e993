-- Keep the rows of a manifest that were rejected. One that was corrected elsewhere, and whose recording is there, stays
-- that job wherever it stands now; of rows that stand alike no more than were corrected. So does one that names the
-- recording that is the job of this very line, and a row of a file of rejected ones whose line is a job already. One of
-- such a file that stood at no line of the manifest is not kept.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 batch, 3 number of the manifest, 4 number of its handing in,
--       5 '1' if the rows are of a file of rejected ones, '0' if they stand so in the manifest,
--       then for each row: line, record, id of the job that its recording would be ('' if it names none, or one that is
--       another row's), its digest ('' if it may not stand so in the manifest)
-- RETURNS for each row that stayed a job: {line, the job's id, state and batch, 1 if it stands as it was corrected}
-- ERRORS none of its own

local batch, manifest, handing_in, corrects, last, stayed = ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1', 0, {}
-- Who may not use it is refused here, before anything is written.
redis.call('EXISTS', originals_key(batch))
found_batch(batch, clock_ms(ARGV[1]))

local function is_among(ids, bytes)
  local at = 0
  repeat at = string.find(ids, bytes, at + 1, true) until not at or at % 12 == 1
  return at ~= nil
end

-- What was noted in this handing in.
local function noted(field)
  local when, what = string.match(redis.call('HGET', originals_key(batch), field) or '', '^(%d+) (%d+)$')
  return when == handing_in and what or nil
end

local function note(field, what) redis.call('HSET', originals_key(batch), field, handing_in .. ' ' .. what) end

-- The job of a row that was corrected: that of its own line before others, each for one row in this handing in. Thousands
-- may stand alike, so nothing is done for all of them here.
local function corrected_job(digest, line, at_line)
  local ids, field = corrected_ids(batch, manifest, digest), digest_field(manifest, digest)
  if ids == '' then return '' end
  local function is_free(bytes)
    return (noted(field .. '@' .. bytes) or line) == line and state_of(unpacked_id(bytes)) ~= ''
  end
  local found = packed_id(at_line)
  if found == '' or not is_among(ids, found) or not is_free(found) then
    local next = tonumber(noted(field .. '/next') or 1)
    while next < #ids and not is_free(string.sub(ids, next, next + 11)) do next = next + 12 end
    note(field .. '/next', next)
    found = string.sub(ids, next, next + 11)
  end
  if found == '' then return '' end
  note(field .. '@' .. found, line)
  return unpacked_id(found)
end

local function stays(line, id, at_line, is_as_it_was)
  stayed[#stayed + 1] = {line, id, state_of(id), redis.call('HGET', job_key(id), 'batch'), is_as_it_was}
  if id ~= at_line then
    note_row(batch, manifest, line, id)
    leave_rejected(batch, manifest, line)
  end
end

for i = 6, #ARGV, 4 do
  local line, own, digest = ARGV[i], ARGV[i + 2], ARGV[i + 3]
  local at_line = job_of_row(batch, manifest, line)
  local id = corrected_job(digest, line, at_line)
  if id ~= '' then
    stays(line, id, at_line, 1)
  elseif at_line ~= '' and state_of(at_line) ~= '' and (own == at_line or digest == '') then
    stays(line, at_line, at_line, 0)
  elseif not corrects or is_row(batch, manifest, line) then
    reject_row(batch, manifest, line, ARGV[i + 1])
    if digest ~= '' then redis.call('HSET', originals_key(batch), manifest .. ':' .. line, digest) end
    last = math.max(last, tonumber(line))
  end
end
reach_line(batch, manifest, last)
return stayed
