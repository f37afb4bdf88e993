-- For scripts that know how far the webhook is in the stream of events.
--   webhook: position  the last event that was delivered or given up; passed  how many events ever there were up to it
--            attempts, refusals, due (ms)  failures of the next one, refusals among them, when it is tried again
--            failing_since (ms), error  absent while deliveries succeed
--            delivered, dropped, given_up  how many were: dropped ones the stream had to make room for others
--            wanted_until (ms)  unless whoever has the webhook in its settings says so again

local events_key = prefix .. 'events'
local webhook_key = prefix .. 'webhook'

-- How many events ever there were, and how many of them are gone.
local function added_and_gone()
  if redis.call('EXISTS', events_key) == 0 then return 0, 0 end
  local info, found = redis.call('XINFO', 'STREAM', events_key), {}
  for i = 1, #info, 2 do found[info[i]] = info[i + 1] end
  local added = found['entries-added']
  return added, added - found['length']
end
