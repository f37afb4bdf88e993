-- Note what became of a delivery to the webhook, and keep the duty.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 worker, 3 for how long it has the duty then (ms), 4 id of the event,
--       5 'delivered' | 'failed' | 'refused' | 'given_up', 6 wait until it is tried again (ms),
--       7 why it was not delivered ('' if it was)
-- RETURNS 'noted', or 'stale' if another worker has the duty: it delivers this event as well
-- ERRORS none of its own

local now, became = clock_ms(ARGV[1]), ARGV[5]
if not has_duty('webhook', ARGV[2], now, tonumber(ARGV[3])) then return 'stale' end

if became == 'delivered' then
  redis.call('HDEL', webhook_key, 'failing_since', 'error')
else
  redis.call('HSETNX', webhook_key, 'failing_since', as_text(now))
  redis.call('HSET', webhook_key, 'error', ARGV[7])
end
if became == 'failed' or became == 'refused' then
  redis.call('HINCRBY', webhook_key, 'attempts', 1)
  redis.call('HINCRBY', webhook_key, 'refusals', became == 'refused' and 1 or 0)
  redis.call('HSET', webhook_key, 'due', as_text(now + tonumber(ARGV[6])))
else
  redis.call('HINCRBY', webhook_key, became, 1)
  redis.call('HINCRBY', webhook_key, 'passed', 1)
  redis.call('HSET', webhook_key, 'position', ARGV[4], 'attempts', 0, 'refusals', 0, 'due', 0)
end
return 'noted'
