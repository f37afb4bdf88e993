-- For the scripts of what one worker does for all.

-- Tell whether this worker has a duty now: it had it, or nobody has it any more. It keeps it for ttl (ms), unless it
-- asks again. A worker that stands still may think that it has it: what is done then must do no harm when it is
-- done twice.
local function has_duty(duty, worker, now, ttl)
  local ends, who = string.match(redis.call('HGET', duties_key, duty) or '', '^(%d+) (.*)$')
  -- an end further away was written before the clock was set back
  if who and who ~= worker and tonumber(ends) > now and tonumber(ends) <= now + ttl then return false end
  redis.call('HSET', duties_key, duty, as_text(now + ttl) .. ' ' .. worker)
  return true
end
