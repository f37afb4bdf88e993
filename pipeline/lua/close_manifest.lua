-- Note that a manifest was handed in to its end; lines that an earlier and longer one had are forgotten. Of rows that
-- were rejected before, and are handed in again, it is only noted that they are at their end.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 batch, 3 number of the manifest, 4 fingerprint, 5 its last line
--       ('' for rows that were rejected before)
-- RETURNS how many lines were forgotten
-- ERRORS none of its own

local now, batch, manifest, last = clock_ms(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[5])
local forgotten = 0
if redis.call('HDEL', manifests_key(batch), manifest .. ':open') == 1 then count(batch, 'being_handed_in', -1) end
if not last then
  end_batch(batch, now)
  return forgotten
end
-- Of a million lines hardly more is done than for each chunk of them.
local may_be_rejected = redis.call('EXISTS', rejected_key(batch)) == 1
for chunk = chunk_of(last), chunk_of(last_line(batch, manifest)) do
  local key, gone = rows_key(batch, manifest, chunk), {}
  for _, line in ipairs(redis.call('HKEYS', key)) do
    if tonumber(line) > last then
      gone[#gone + 1] = line
      if may_be_rejected then leave_rejected(batch, manifest, line) end
    end
  end
  if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
  forgotten = forgotten + #gone
end
redis.call('HSET', manifests_key(batch), manifest .. ':last', last, manifest .. ':fingerprint', ARGV[4],
  manifest .. ':read_at', as_text(now))
end_batch(batch, now)
return forgotten
