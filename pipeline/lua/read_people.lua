-- Read the list of users.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 when the list was read that the asker has (ms, '' for none)
-- RETURNS {age (ms), when it was read (ms), pages ...}; no pages if the asker has that list already;
--         or {} if the list was never read
-- ERRORS none of its own

local key = prefix .. 'people'
local read_at = redis.call('HGET', key, 'read_at')
if not read_at then return {} end
local answer = {math.max(0, clock_ms(ARGV[1]) - tonumber(read_at)), read_at}
if read_at == ARGV[2] then return answer end
for number = 1, redis.call('HLEN', key) - 1 do
  answer[#answer + 1] = redis.call('HGET', key, tostring(number))
end
return answer
