-- Close the gate for the whole fleet.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock), 2 reason: rate_limited | unauthorized | wrong_address | by_hand,
--       3 detail, 4 wait (us) for rate_limited: the API's Retry-After, 5 margin (share),
--       6 longest wait (us) that speaks of the limit a second, and so widens the margin
-- RETURNS 1 if it closed the gate or moved its end, 0 if it was closed for this or a graver reason
-- ERRORS unknown_reason

local now, reason, wait = clock_us(ARGV[1]), ARGV[2], tonumber(ARGV[4])
if not RANK[reason] then return redis.error_reply('unknown_reason ' .. reason) end
if reason == 'rate_limited' then
  if wait <= tonumber(ARGV[6]) then
    local margin = math.min(MARGIN_MAX, 2 * math.max(0.005, current_margin(tonumber(ARGV[5]), now)))
    redis.call('HSET', limiter_key, 'margin', tostring(margin), 'margin_at_us', as_text(now))
  end
  return close_gate(now, reason, ARGV[3], 'timed', now + wait)
end
if reason == 'by_hand' then return close_gate(now, reason, ARGV[3], 'hand', now) end
return close_gate(now, reason, ARGV[3], 'probe', now + FIRST_INTERVAL_US)
