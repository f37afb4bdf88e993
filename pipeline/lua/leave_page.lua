-- Leave a page that could not be read to whoever asks next.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 cursor that it was asked for with, 3 how long nobody asks (ms),
--       4 what the API said to it, in a sentence, if it refuses the list; '' if not, 5 '1' to start at the first page again
-- RETURNS 1, or 0 if another process added this page meanwhile
-- ERRORS none of its own

local reading_key = prefix .. 'people:reading'
if redis.call('HGET', reading_key, 'cursor') ~= ARGV[2] then return 0 end
if ARGV[5] == '1' then
  redis.call('DEL', reading_key)
  return 1
end
redis.call('HSET', reading_key, 'until', as_text(clock_ms(ARGV[1]) + tonumber(ARGV[3])), 'refused', ARGV[4])
return 1
