-- Store an OAuth pair, before anybody uses it.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 version that it replaces, '' for whatever is there, 3 the sealed pair,
--       4 how long its access token holds (ms), 5 fingerprint of the refresh token it was given for, or ''
-- RETURNS the new version; 0 if another pair was stored meanwhile, which is newer
-- ERRORS none of its own
--
-- An attempt that took too long may still store: only it has the refresh token that works now.

local version = redis.call('HGET', oauth_key, 'version') or '0'
if ARGV[2] ~= '' and ARGV[2] ~= version then return 0 end
redis.call('HDEL', oauth_key, 'lost', 'attempt', 'attempt_ends_ms', 'asked_by')
redis.call('HSET', oauth_key, 'version', as_text(tonumber(version) + 1), 'sealed', ARGV[3], 'lifetime_ms', ARGV[4],
  'ends_ms', as_text(clock_ms(ARGV[1]) + tonumber(ARGV[4])))
if ARGV[5] ~= '' then redis.call('HSET', oauth_key, 'used:' .. ARGV[5], '1') end
return tonumber(version) + 1
