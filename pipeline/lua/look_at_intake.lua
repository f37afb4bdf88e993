-- Look at the messages that wait in the intake, the oldest ones of each list; all of them stay there.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 worker, 3 for how long it has the duty then (ms), 4 most messages,
--       5 bytes after which no further one is read, 6 bytes of one above which only so many of it are read,
--       then the names of the lists, the first one first
-- RETURNS {'busy'} while another worker has the duty
--         or {'mine', {list, digest, bytes in all, message or its beginning}, ...}
-- ERRORS none of its own
--
-- Producers push from the left, as Celery's clients do, so the oldest one is the last.

local most, left, longest = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if not has_duty('intake', ARGV[2], clock_ms(ARGV[1]), tonumber(ARGV[3])) then return {'busy'} end

local found = {'mine'}
for i = 7, #ARGV do
  local place = -1
  local message = redis.call('LINDEX', prefix .. ARGV[i], place)
  while message and left > 0 and #found <= most do
    found[#found + 1] = {ARGV[i], redis.sha1hex(message), #message, string.sub(message, 1, longest)}
    left, place = left - math.min(#message, longest), place - 1
    message = redis.call('LINDEX', prefix .. ARGV[i], place)
  end
end
return found
