-- Read all that is known of one job: what became of it, what it waits for, and what kept it from going on.
-- KEYS  1 prefix
-- ARGV  1 id
-- RETURNS {due time if it is pending (ms), end of its lease if it is active (ms), its story as JSON texts, then as in
--         find.lua}; what is not known is ''; nothing if it is not there
-- ERRORS none of its own

local id = ARGV[1]
local fields = redis.call('HGETALL', job_key(id))
if #fields == 0 then return {} end
local job = redis.call('HMGET', job_key(id), 'batch', 'lane')
local due = job[2] and redis.call('ZSCORE', due_key(job[2], job[1]), id)
local lease = redis.call('ZSCORE', leases_key, id)
local found = {due or '', lease or '', redis.call('LRANGE', story_key(id), 0, -1),
  redis.call('HGET', batch_key(job[1]), 'url') or '', redis.call('GET', payload_key(id)) or '', unpack(fields)}
found[#found + 1] = 'state'
found[#found + 1] = state_of(id)
return found
