-- Bring dead letters and cancelled jobs back, at the step where they stood, with their attempts forgiven.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 batch, 3 code: of the reason ('' for any), or 'cancelled',
--       4 most to bring back, 5 until (ms, '' for now): who died later is not meant,
--       then ids (none: all of the batch): dead or cancelled ones, of any batch if that is ''
-- RETURNS {how many came back, until}; call it again with this until as long as as many came back as asked for
-- ERRORS none of its own

local now, batch, code, most = clock_ms(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local until_ms = ARGV[5] == '' and as_text(now) or ARGV[5]
local back = 0

local function retry(id, state)
  bring_back(id, state, now + back / 1000)
  back = back + 1
end

local function retry_if_meant(id)
  local state = state_of(id)
  if state ~= 'dead' and state ~= 'cancelled' then return end
  local job = redis.call('HMGET', job_key(id), 'batch', 'code')
  local its_code = state == 'dead' and job[2] or state
  if (batch == '' or job[1] == batch) and (code == '' or its_code == code) then retry(id, state) end
end

local function retry_from(key, state, to)
  if back == most then return end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', to, 'LIMIT', 0, most - back)) do retry(id, state) end
end

if #ARGV > 5 then
  for i = 6, #ARGV do retry_if_meant(ARGV[i]) end
elseif code == 'cancelled' then
  local cancels = cancels_of(batch)
  if cancels > 0 then
    -- those that were active then are not cancelled any more when they come back
    redis.call('HSET', batch_key(batch), 'cancels_undone', cancels)
    redis.call('HDEL', batch_key(batch), 'cancelled_at')
  end
  for number = cancels, 0, -1 do retry_from(cancelled_key(number, batch), 'cancelled', '+inf') end
else
  for _, reason in ipairs(reasons_of(batch, code)) do retry_from(dead_key(reason, batch), 'dead', until_ms) end
end
if back > 0 then wake_dispatcher() end
return {back, until_ms}
