-- Let one process of the fleet ask for new OAuth tokens: a refresh token may be used once.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 name of the attempt, 3 for how long no other may begin (ms),
--       4 version of the tokens that are to be replaced, 5 place of whoever begins (authorization/spare.py), or '',
--       6 how long another place is left to come first (ms), where the answer to the last attempt may lie
-- RETURNS {'changed'} if these are replaced, {'busy', ms} while another is at it, {'elsewhere', ms, place} while another
--         place is to come first, or {'mine'}
-- ERRORS none of its own

local now = clock_ms(ARGV[1])
local known = redis.call('HMGET', oauth_key, 'version', 'attempt', 'attempt_ends_ms', 'asked_by')
if (known[1] or '0') ~= ARGV[4] then return {'changed'} end
local left = tonumber(known[3] or 0) - now
-- an end further away was written before the clock was set back; after a refusal nobody asks for five minutes at most
if known[2] and left > 0 and left <= math.max(tonumber(ARGV[3]), 300000) then return {'busy', left} end
local patience = tonumber(ARGV[6])
if known[4] and known[4] ~= ARGV[5] and patience > 0 then return {'elsewhere', patience, known[4]} end
redis.call('HSET', oauth_key, 'attempt', ARGV[2], 'attempt_ends_ms', as_text(now + tonumber(ARGV[3])))
return {'mine'}
