-- Begin to hand a manifest in: a batch knows each of its manifests by a number. Until it was handed in to its end the
-- batch is not finished.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 batch, 3 name of the manifest, 4 where it lies ('' where that is not told)
-- RETURNS {number, number of this handing in, fingerprint when it was last handed in to its end ('' for never),
--          when that was (ms, '' for never)}
-- ERRORS none of its own

local batch, name = ARGV[2], ARGV[3]
local key = manifests_key(batch)
found_batch(batch, clock_ms(ARGV[1]))
local number = redis.call('HGET', key, 'of:' .. name)
if not number then
  number = redis.call('HINCRBY', batch_key(batch), 'manifests', 1)
  redis.call('HSET', key, 'of:' .. name, number, number .. ':name', name)
end
if ARGV[4] ~= '' then redis.call('HSET', key, number .. ':place', ARGV[4]) end
if redis.call('HSETNX', key, number .. ':open', '1') == 1 then count(batch, 'being_handed_in', 1) end
local known = redis.call('HMGET', key, number .. ':fingerprint', number .. ':read_at')
return {tonumber(number), redis.call('HINCRBY', batch_key(batch), 'handings_in', 1), known[1] or '', known[2] or ''}
