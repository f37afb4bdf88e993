-- List the manifests of a batch, and as number 0 the jobs that came without one.
-- KEYS  1 prefix
-- ARGV  1 batch
-- RETURNS for each: {number, name, last line, fingerprint, when it was last handed in to its end (ms, '' for never), where
--         it lay then ('' where that is not known)}
-- ERRORS none of its own

local batch, key = ARGV[1], manifests_key(ARGV[1])
local found = {{0, '', last_line(batch, '0'), '', '', ''}}
for number = 1, tonumber(redis.call('HGET', batch_key(batch), 'manifests') or 0) do
  local known = redis.call('HMGET', key, number .. ':name', number .. ':fingerprint', number .. ':read_at',
    number .. ':place')
  local name, fingerprint, read_at, place = known[1] or '', known[2] or '', known[3] or '', known[4] or ''
  found[#found + 1] = {number, name, last_line(batch, tostring(number)), fingerprint, read_at, place}
end
return found
