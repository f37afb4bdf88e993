-- Write new jobs into the ledger; a job that is there already stays as it is.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 batch, 3 lane,
--       then for each job: id, content hash, '1' if it has media to upload, payload
-- RETURNS for each job: {'new' | 'known' | 'conflict', state, batch}
-- ERRORS none of its own; out of memory is refused by the server before the first write

local now, batch, lane = clock_ms(ARGV[1]), ARGV[2], ARGV[3]
local results, created = {}, 0

local function write(id, content, has_media, payload)
  redis.call('HSET', job_key(id), 'state', 'pending', 'step', '', 'batch', batch, 'lane', lane,
    'content', content, 'media', has_media, 'attempts', 0, 'token', 0, 'created_at', as_text(now))
  redis.call('SET', payload_key(id), payload)
  -- a thousandth of a millisecond apart, so that jobs of one bundle keep their order
  wait_until(id, lane, batch, now + created / 1000)
  created = created + 1
end

for i = 4, #ARGV, 4 do
  local id, content = ARGV[i], ARGV[i + 1]
  local there = redis.call('HMGET', job_key(id), 'content', 'state', 'batch')
  if not there[1] then
    write(id, content, ARGV[i + 2], ARGV[i + 3])
    results[#results + 1] = {'new', 'pending', batch}
  elseif there[1] == content then
    results[#results + 1] = {'known', there[2], there[3]}
  else
    results[#results + 1] = {'conflict', there[2], there[3]}
  end
end

if created > 0 then
  if redis.call('ZADD', prefix .. 'batches', 'NX', now, batch) == 1 then
    redis.call('HSET', batch_key(batch), 'created_at', as_text(now))
  end
  count(batch, 'pending', created)
  wake_dispatcher()
end
return results
