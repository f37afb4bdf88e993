-- Group a batch's dead letters by reason.
-- KEYS  1 prefix
-- ARGV  1 batch
-- RETURNS for each code and step: {code, step, how many, the newest as in dead_letters.lua}
-- ERRORS none of its own

local batch, groups = ARGV[1], {}
for _, reason in ipairs(reasons_of(batch, '')) do
  local key = dead_key(reason, batch)
  local step, code = reason:match('([^:]*):(.*)')
  groups[#groups + 1] = {code, step, redis.call('ZCARD', key), dead_letter(redis.call('ZREVRANGE', key, 0, 0)[1])}
end
return groups
