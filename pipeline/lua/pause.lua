-- Let nothing more of a batch be claimed until it is resumed; what is leased goes on to its end.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 batch
-- RETURNS 1 if it is paused now, 0 if it was already or is not there
-- ERRORS none of its own

local now, batch = clock_ms(ARGV[1]), ARGV[2]
if is_paused(batch) or not redis.call('ZSCORE', batches_key, batch) then return 0 end

redis.call('HSET', batch_key(batch), 'paused_at', as_text(now))
for _, lane in ipairs(LANES) do redis.call('ZREM', turns_key(lane), batch) end
return 1
