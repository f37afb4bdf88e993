-- Look at the OAuth tokens that the fleet shares.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 fingerprint of the refresh token in the settings, or ''
-- RETURNS {version, the sealed pair or '', how long its access token holds (ms), for how long it was given (ms),
--          why no refresh can succeed or '', 1 if that refresh token was used up}
-- ERRORS none of its own

local found = redis.call('HMGET', oauth_key, 'version', 'sealed', 'ends_ms', 'lifetime_ms', 'lost', 'used:' .. ARGV[2])
return {
  tonumber(found[1] or 0), found[2] or '', tonumber(found[3] or 0) - clock_ms(ARGV[1]), tonumber(found[4] or 0),
  found[5] or '', found[6] and 1 or 0
}
