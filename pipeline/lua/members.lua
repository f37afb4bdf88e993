-- List the workers that are alive.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock)
-- RETURNS {worker's name, processes for calls, processes for media, what it told of itself ('' if nothing)} of each
-- ERRORS none of its own

local now, found = clock_ms(ARGV[1]), {}
local members = redis.call('HGETALL', prefix .. 'workers')
for i = 1, #members, 2 do
  local ends, for_calls, for_media, told = string.match(members[i + 1], '^(%d+) (%d+) (%d+) ?(.*)$')
  if tonumber(ends) > now then
    found[#found + 1] = {members[i], tonumber(for_calls), tonumber(for_media), told}
  end
end
return found
