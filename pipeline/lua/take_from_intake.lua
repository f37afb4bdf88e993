-- Take messages out of the intake: what they hold is written, or they are refused, and are kept with the reason.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 name of the manifest in which refused ones stand, 3 how many of them
--       a batch keeps: the last ones, then for each message, in the order in which it was found:
--       list, digest, and if it is refused batch, record, clientUniqueId ('' if none could be read) and reason,
--       else '' for all of them
-- RETURNS {how many were taken, how many refused ones were kept}; a message that another worker took is neither
-- ERRORS none of its own
--
-- A message is refused and taken in one, so it is kept once, whoever is killed. One that is written already is
-- known when it is handed in again.

local now, name, kept_most = clock_ms(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local taken, refused = 0, 0

local function take(list, digest)
  local key = prefix .. list
  for place = -1, -(#ARGV - 3) / 6, -1 do
    local message = redis.call('LINDEX', key, place)
    if not message then return false end
    if redis.sha1hex(message) == digest then return redis.call('LREM', key, -1, message) == 1 end
  end
  return false
end

local function manifest_of(batch)
  local number = redis.call('HGET', manifests_key(batch), 'of:' .. name)
  if number then return number end
  number = tostring(redis.call('HINCRBY', batch_key(batch), 'manifests', 1))
  redis.call('HSET', manifests_key(batch), 'of:' .. name, number, number .. ':name', name)
  return number
end

local function keep(batch, record, client_unique_id, reason)
  found_batch(batch, now)
  local manifest = manifest_of(batch)
  local line = last_line(batch, manifest) + 1
  reject_row(batch, manifest, line, record)
  reach_line(batch, manifest, line)
  tell_recording('refused', now, batch, client_unique_id, '', '', reason, 'submit', '', as_text(now))
  local oldest = line - kept_most
  if oldest > 0 then
    redis.call('HDEL', rows_key(batch, manifest, chunk_of(oldest)), oldest)
    redis.call('HDEL', rejected_key(batch), manifest .. ':' .. oldest)
  end
end

for i = 4, #ARGV, 6 do
  if take(ARGV[i], ARGV[i + 1]) then
    taken = taken + 1
    if ARGV[i + 2] ~= '' then
      keep(ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5])
      refused = refused + 1
    end
  end
end
return {taken, refused}
