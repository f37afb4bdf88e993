-- Read how many requests left, minute by minute.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 how many hours back
-- RETURNS {now (ms), then for each hour, the first one first: number of the hour since the epoch,
--          '<minute>:<endpoint>:<lane>:<kind> <requests> …' in one text}
-- ERRORS none of its own

local now = clock_ms(ARGV[1])
local last = math.floor(now / 3600000)
local answer = {as_text(now)}
for hour = last - tonumber(ARGV[2]), last do
  answer[#answer + 1] = as_text(hour)
  answer[#answer + 1] = table.concat(redis.call('HGETALL', traffic_key(hour)), ' ')
end
return answer
