-- Set limits while the fleet runs, over those of the settings. Slots bound under the old ones are taken back.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock), then pairs: name as in the settings, value; '' takes it back
-- RETURNS 1
-- ERRORS none of its own

for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', limits_key, ARGV[i])
  else
    redis.call('HSET', limits_key, ARGV[i], ARGV[i + 1])
  end
end
-- What was widened and learned belongs to the limits that were.
redis.call('HDEL', limiter_key, 'margin', 'margin_at_us', 'learned', 'learned_at_us')
void_slots(clock_us(ARGV[1]))
wake_dispatcher()
return 1
