-- See what is used of the API's day, when it was granted, and how fast requests left in the last moments.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock), 2 start and 3 end of the API's day (us; '' if its day rolls),
--       4 most instants to give, 5 how long the last moments are (us)
-- RETURNS {now (us), requests used of the day, requests of live in the last 24 h and in its busiest day of the week,
--          requests that left in the last moments, instant (us) of the first and of the last of them,
--          instants (us): when each of so many equal parts of those used was complete ...}
-- ERRORS none of its own

local now, starts, ends = clock_us(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
-- As in acquire.lua: the API counts a request when it arrives.
local from = now - DAY_US - SECOND_US + 1
if starts then from = (now >= ends and ends or starts) - SECOND_US end

local granted = redis.call('LLEN', grants_key)
local earlier = grants_before(from)
local used = granted - earlier
local live, live_most = live_demand(now)

local recent, left = grants_before(now - tonumber(ARGV[5])), grants_before(now + 1)
local answer = {as_text(now), used, live, live_most, left - recent, '0', '0'}
if left > recent then
  answer[6], answer[7] = redis.call('LINDEX', grants_key, recent), redis.call('LINDEX', grants_key, left - 1)
end
local parts = math.min(used, tonumber(ARGV[4]))
for part = 1, parts do
  answer[#answer + 1] = redis.call('LINDEX', grants_key, earlier + math.ceil(part * used / parts) - 1)
end
return answer
