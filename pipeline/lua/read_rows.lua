-- Read what the rows of one chunk of a manifest became.
-- KEYS  1 prefix
-- ARGV  1 batch, 2 number of the manifest, 3 chunk
-- RETURNS for each row, in no order, as JSON: [line, "", rejected row] or [line, id, payload ("" of a done job),
--         field, value, …] with the fields of the job's record, and at last its state; none of them if there is no
--         job any more. One text a row is read five times as fast as its thirty parts.
-- ERRORS none of its own

local batch, manifest = ARGV[1], ARGV[2]
local rows = redis.call('HGETALL', rows_key(batch, manifest, ARGV[3]))
local found = {}
for i = 1, #rows, 2 do
  local line, id = rows[i], unpacked_id(rows[i + 1])
  if id == '' then
    found[#found + 1] = cjson.encode({line, '', redis.call('HGET', rejected_key(batch), manifest .. ':' .. line) or ''})
  else
    local row = {line, id, redis.call('GET', payload_key(id)) or '', unpack(redis.call('HGETALL', job_key(id)))}
    if #row > 3 then
      row[#row + 1] = 'state'
      row[#row + 1] = state_of(id)
    end
    found[#found + 1] = cjson.encode(row)
  end
end
return found
