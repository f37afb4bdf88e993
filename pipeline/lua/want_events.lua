-- Want events from now on; whoever wants them says so again and again.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 about how many of them stay, 3 for how long they are wanted (ms),
--       4 '1' if the webhook gets them too
-- RETURNS 1
-- ERRORS none of its own

redis.call('SET', prefix .. 'events:kept', ARGV[2], 'PX', ARGV[3])
if ARGV[4] ~= '1' then return 1 end
redis.call('HSET', webhook_key, 'wanted_until', as_text(clock_ms(ARGV[1]) + tonumber(ARGV[3])))
if redis.call('HEXISTS', webhook_key, 'position') == 0 then
  -- The webhook gets what happens from now on, not what others have read long ago.
  local last = redis.call('XREVRANGE', events_key, '+', '-', 'COUNT', 1)[1]
  redis.call('HSET', webhook_key, 'position', last and last[1] or '0-0', 'passed', (added_and_gone()))
end
return 1
