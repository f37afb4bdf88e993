-- Read the limits in force, and how they are followed.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock), 2-6 limits of the settings: requests a second, requests a day,
--       margin (share), burst, share of the day kept for live
-- RETURNS {requests a second, requests a day, margin, burst, share kept for live (all as in force),
--          margin now, requests a day now, slots missed, requests late, names of those that were set while running ...}
-- ERRORS none of its own

local now, limits = clock_us(ARGV[1]), limits_in_force(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
local state = redis.call('HMGET', limiter_key, 'margin', 'margin_at_us', 'learned', 'learned_at_us', 'missed',
  'late')
for i = 1, #state do state[i] = state[i] or nil end
local answer = {
  tostring(limits.per_second), tostring(limits.per_day), tostring(limits.margin), tostring(limits.burst),
  tostring(limits.live_share), tostring(margin_left(limits.margin, now, state[1], state[2])),
  tostring(budget_left(limits.per_day, now, state[3], state[4])), state[5] or '0', state[6] or '0'
}
for _, name in ipairs(redis.call('HKEYS', limits_key)) do answer[#answer + 1] = name end
return answer
