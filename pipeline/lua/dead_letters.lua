-- Read a batch's dead letters, the newest first.
-- KEYS  1 prefix
-- ARGV  1 batch, 2 code of the reason ('' for any), 3 most to read
-- RETURNS for each: {id, payload, code, message, requestId, step, attempts, time of death (ms)}
-- ERRORS none of its own

local batch, code, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local newest = {}
for _, reason in ipairs(reasons_of(batch, code)) do
  local found = redis.call('ZREVRANGE', dead_key(reason, batch), 0, most - 1, 'WITHSCORES')
  for i = 1, #found, 2 do newest[#newest + 1] = {found[i], tonumber(found[i + 1])} end
end
table.sort(newest, function(one, other)
  if one[2] == other[2] then return one[1] > other[1] end
  return one[2] > other[2]
end)

local letters = {}
for i = 1, math.min(most, #newest) do letters[i] = dead_letter(newest[i][1]) end
return letters
