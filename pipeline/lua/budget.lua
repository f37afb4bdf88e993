-- See what was granted: in the last day, and since an instant.
-- KEYS  1 prefix
-- ARGV  1 now (us, '' for the server's clock), 2 since (us; '' to leave the second part out)
-- RETURNS {requests in the last day, requests since, time of the first (us), of the last (us)}
-- ERRORS none of its own

local day_ago = clock_us(ARGV[1]) - 86400 * 1000000
local since = tonumber(ARGV[2] ~= '' and ARGV[2] or nil)
local today, first, last, found = redis.call('LLEN', grants_key), '0', '0', 0
if since then
  for _, text in ipairs(redis.call('LRANGE', grants_key, 0, -1)) do
    if tonumber(text) >= since then
      if found == 0 then first = text end
      found, last = found + 1, text
    end
  end
end
-- What is older than a day stands at the head until the next request is granted.
local old = 0
while old < today and tonumber(redis.call('LINDEX', grants_key, old)) <= day_ago do old = old + 1 end
return {today - old, found, first, last}
