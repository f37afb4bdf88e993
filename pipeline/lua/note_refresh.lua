-- Note that an attempt to refresh the OAuth tokens asks now: until it stored or ended, the answer may lie at its place alone.
-- KEYS  1 prefix
-- ARGV  1 name of the attempt, 2 version of the tokens that are to be replaced, 3 place (authorization/spare.py), or ''
--       where nothing is kept
-- RETURNS 1, or 0 if others were stored or another attempt was begun meanwhile
-- ERRORS none of its own

local known = redis.call('HMGET', oauth_key, 'version', 'attempt')
if (known[1] or '0') ~= ARGV[2] or known[2] ~= ARGV[1] then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', oauth_key, 'asked_by')
else
  redis.call('HSET', oauth_key, 'asked_by', ARGV[3])
end
return 1
