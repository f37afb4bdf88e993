-- Take the next page of users to be read, unless the list is new enough or another process is at a page.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 greatest age (ms) of a list that is new enough,
--       3 how long the page is taken (ms): who was killed at it holds up the others no longer,
--       4 how long a reading lasts at most (ms), after which it starts at the first page again
-- RETURNS {'fresh'}
--         or {'busy', ms until the page is free again}
--         or {'refused', ms until it is asked for again, what the API said to it, in a sentence}
--         or {'read', cursor of the page ('' for the first)}
-- ERRORS none of its own

local now, reading_key = clock_ms(ARGV[1]), prefix .. 'people:reading'
local read_at = redis.call('HGET', prefix .. 'people', 'read_at')
if read_at and now - tonumber(read_at) <= tonumber(ARGV[2]) then return {'fresh'} end

local reading = redis.call('HMGET', reading_key, 'started', 'until', 'refused', 'cursor')
local left = reading[2] and tonumber(reading[2]) - now or 0
if left > 0 and reading[3] and reading[3] ~= '' then return {'refused', left, reading[3]} end
if left > 0 then return {'busy', left} end
local cursor = reading[4] or ''
if not reading[1] or now - tonumber(reading[1]) > tonumber(ARGV[4]) then
  redis.call('DEL', reading_key)
  redis.call('HSET', reading_key, 'started', as_text(now), 'cursor', '', 'pages', 0)
  cursor = ''
end
redis.call('HSET', reading_key, 'until', as_text(now + tonumber(ARGV[3])), 'refused', '')
return {'read', cursor}
