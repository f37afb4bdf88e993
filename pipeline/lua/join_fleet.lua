-- Tell the fleet that a worker is alive, and learn how large the fleet is.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 worker's name, 3 processes for calls, 4 for media,
--       5 membership (ms; 0 leaves the fleet), 6 what it tells of itself (ledger/fleet.py)
-- RETURNS {workers, processes for calls, processes for media}
-- ERRORS none of its own

local key, now = prefix .. 'workers', clock_ms(ARGV[1])
if tonumber(ARGV[5]) > 0 then
  redis.call('HSET', key, ARGV[2], as_text(now + tonumber(ARGV[5])) .. ' ' .. ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. ARGV[6])
else
  redis.call('HDEL', key, ARGV[2])
end

local workers, calls, media = 0, 0, 0
local members = redis.call('HGETALL', key)
for i = 1, #members, 2 do
  local ends, for_calls, for_media = string.match(members[i + 1], '(%d+) (%d+) (%d+)')
  if tonumber(ends) <= now then
    redis.call('HDEL', key, members[i])
  else
    workers, calls, media = workers + 1, calls + for_calls, media + for_media
  end
end
return {workers, calls, media}
