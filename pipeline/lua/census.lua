-- Count what metrics need beside the counts of batches: jobs by lane, dead letters by reason, and the totals.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 most leases to look at
-- RETURNS {now (ms), {pending, active, due time of the one that is due first of a batch that is not paused (ms, '' for none)}
--          for each lane in order, '<step>:<code> <dead letters> …' in one text, '<counter> <number> …' in another}
-- ERRORS none of its own
--
-- A batch costs a few commands, one that is finished a single one, however many jobs there are.

local now = clock_ms(ARGV[1])
local lanes, dead = {}, {}
for _, lane in ipairs(LANES) do lanes[lane] = {0, 0, ''} end

local function count_pending(batch, paused)
  for lane, counts in pairs(lanes) do
    local key = due_key(lane, batch)
    counts[1] = counts[1] + redis.call('ZCARD', key)
    local first = not paused and redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
    if first and (counts[3] == '' or tonumber(first) < tonumber(counts[3])) then counts[3] = as_text(tonumber(first)) end
  end
end

local function count_dead(batch)
  for _, reason in ipairs(reasons_of(batch, '')) do
    dead[reason] = (dead[reason] or 0) + redis.call('ZCARD', dead_key(reason, batch))
  end
end

for _, batch in ipairs(redis.call('ZRANGE', batches_key, 0, -1)) do
  local known = redis.call('HMGET', batch_key(batch), 'pending', 'dead', 'paused_at')
  if tonumber(known[1] or 0) > 0 then count_pending(batch, known[3]) end
  if tonumber(known[2] or 0) > 0 then count_dead(batch) end
end

-- Leases are as many as the dispatch window has places.
for _, id in ipairs(redis.call('ZRANGE', leases_key, 0, tonumber(ARGV[2]) - 1)) do
  local counts = lanes[redis.call('HGET', job_key(id), 'lane')]
  if counts then counts[2] = counts[2] + 1 end
end

local reasons = {}
for reason, letters in pairs(dead) do reasons[#reasons + 1] = reason .. ' ' .. letters end
local answer = {as_text(now)}
for _, lane in ipairs(LANES) do answer[#answer + 1] = lanes[lane] end
answer[#answer + 1] = table.concat(reasons, ' ')
answer[#answer + 1] = table.concat(redis.call('HGETALL', totals_key), ' ')
return answer
