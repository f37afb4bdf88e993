-- Forget finished jobs of a batch that no row names any more; a piece of all jobs at a time.
-- KEYS  1 prefix
-- ARGV  1 batch, 2 cursor ('0' to begin), 3 how many keys to look at
-- RETURNS {cursor to go on from ('0' at the end), how many jobs were forgotten}
-- ERRORS none of its own

local found = redis.call('SCAN', ARGV[2], 'MATCH', job_key('*'), 'COUNT', ARGV[3])
local forgotten = 0
for _, key in ipairs(found[2]) do
  if forget_job(string.sub(key, #job_key('') + 1), ARGV[1]) then forgotten = forgotten + 1 end
end
return {found[1], forgotten}
