-- See what was granted: in the last day, and since an instant.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock), 2 since (us; '' to leave the second part out)
-- RETURNS {requests in the last day, requests since, time of the first (us), of the last (us)}
-- ERRORS none of its own

local granted = redis.call('LLEN', grants_key)

-- How many grants came before an instant. The list is in the order of time and may hold a million.
local function before(instant)
  local low, high = 0, granted
  while low < high do
    local middle = math.floor((low + high) / 2)
    if tonumber(redis.call('LINDEX', grants_key, middle)) < instant then low = middle + 1 else high = middle end
  end
  return low
end

-- What is older than a day stands at the head until the next request is granted.
local today = granted - before(clock_us(ARGV[1]) - 86400 * 1000000 + 1)
if ARGV[2] == '' then return {today, 0, '0', '0'} end
local earlier = before(tonumber(ARGV[2]))
if earlier == granted then return {today, 0, '0', '0'} end
return {today, granted - earlier, redis.call('LINDEX', grants_key, earlier), redis.call('LINDEX', grants_key, -1)}
