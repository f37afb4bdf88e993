-- Read the counts and times of batches.
-- KEYS  1 prefix
-- ARGV  batches (none: all of them, the newest first)
-- RETURNS for each: {batch, pairs of field and number ...}
-- ERRORS none of its own

local names = #ARGV > 0 and ARGV or redis.call('ZREVRANGE', batches_key, 0, -1)
local batches = {}
for i, name in ipairs(names) do
  local found = redis.call('HGETALL', batch_key(name))
  found[#found + 1] = 'rejected'
  found[#found + 1] = redis.call('HLEN', rejected_key(name))
  batches[i] = {name, unpack(found)}
end
return batches
