-- End an attempt to refresh the OAuth tokens that brought none.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 name of the attempt, 3 how long nobody asks again (ms),
--       4 version of the tokens that were to be replaced, 5 why no refresh with them can succeed, or '',
--       6 fingerprint of the refresh token that was refused for good, or ''
-- RETURNS 1, or 0 if others were stored meanwhile
-- ERRORS none of its own

local known = redis.call('HMGET', oauth_key, 'version', 'attempt')
if (known[1] or '0') ~= ARGV[4] then return 0 end
if known[2] == ARGV[2] then
  redis.call('HSET', oauth_key, 'attempt_ends_ms', as_text(clock_ms(ARGV[1]) + tonumber(ARGV[3])))
  redis.call('HDEL', oauth_key, 'asked_by')
end
if ARGV[5] ~= '' then redis.call('HSET', oauth_key, 'lost', ARGV[5]) end
if ARGV[6] ~= '' then redis.call('HSET', oauth_key, 'used:' .. ARGV[6], '1') end
return 1
