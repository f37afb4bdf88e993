-- Read what became of one job.
-- KEYS  1 prefix
-- ARGV  1 id
-- RETURNS {address of its batch's calls ('' if it is not known), payload ('' of a done job), field, value, …} with the
--         fields of the job's record, and at last its state; nothing if it is not there
-- ERRORS none of its own

local id = ARGV[1]
local fields = redis.call('HGETALL', job_key(id))
if #fields == 0 then return {} end
local batch = redis.call('HGET', job_key(id), 'batch')
local found = {redis.call('HGET', batch_key(batch), 'url') or '', redis.call('GET', payload_key(id)) or '', unpack(fields)}
found[#found + 1] = 'state'
found[#found + 1] = state_of(id)
return found
