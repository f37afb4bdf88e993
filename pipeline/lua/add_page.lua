-- Add a page of users to the reading; the last one makes what was read the list.
-- KEYS  1 prefix
-- ARGV  1 cursor that the page was read with ('' for the first), 2 users of the page, 3 cursor of the next
--       ('' on the last), 4 most pages of a list
-- RETURNS 'more' | 'done' | 'stale' (another process added this page, or the reading was started again)
--         | 'looped' (done, because the next cursor was there before, or there is no end)
-- ERRORS none of its own

local reading_key, key = prefix .. 'people:reading', prefix .. 'people'
local there = redis.call('HMGET', reading_key, 'cursor', 'pages', 'started')
if there[1] ~= ARGV[1] then return 'stale' end

local following, number = ARGV[3], tonumber(there[2]) + 1
redis.call('HSET', reading_key, tostring(number), ARGV[2], 'pages', number, 'cursor:' .. ARGV[1], '1')
local loops = following ~= '' and
  (number >= tonumber(ARGV[4]) or redis.call('HEXISTS', reading_key, 'cursor:' .. following) == 1)
if following ~= '' and not loops then
  redis.call('HSET', reading_key, 'cursor', following, 'until', '0')
  return 'more'
end

-- Only the pages stay, and when their reading began: who was added to Gong since may be missing.
for _, field in ipairs(redis.call('HKEYS', reading_key)) do
  if not string.match(field, '^%d+$') then redis.call('HDEL', reading_key, field) end
end
redis.call('HSET', reading_key, 'read_at', there[3])
redis.call('RENAME', reading_key, key)
return loops and 'looped' or 'done'
