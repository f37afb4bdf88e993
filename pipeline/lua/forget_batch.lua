-- Forget a batch of which no job is left.
-- KEYS  1 prefix
-- ARGV  1 batch, 2 '1' if its rejected rows are to be forgotten as well
-- RETURNS 1, or 0 if it has jobs or rejected rows still, and stays
-- ERRORS none of its own

local batch, left = ARGV[1], 0
for _, jobs in ipairs(redis.call('HMGET', batch_key(batch), 'pending', 'active', 'done', 'dead', 'cancelled')) do
  left = left + tonumber(jobs or 0)
end
if ARGV[2] ~= '1' then left = left + redis.call('HLEN', rejected_key(batch)) end
if left > 0 then return 0 end
for manifest = 0, tonumber(redis.call('HGET', batch_key(batch), 'manifests') or 0) do
  for chunk = 0, chunk_of(last_line(batch, tostring(manifest))) do
    redis.call('DEL', rows_key(batch, manifest, chunk))
  end
end
redis.call('DEL', batch_key(batch), manifests_key(batch), rejected_key(batch), originals_key(batch), ended_key(batch))
redis.call('ZREM', batches_key, batch)
return 1
