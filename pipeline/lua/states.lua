-- Look up the states of jobs.
-- KEYS  1 prefix
-- ARGV  ids
-- RETURNS a state for each, '' for a job that is not there
-- ERRORS none of its own

local states = {}
for i, id in ipairs(ARGV) do states[i] = state_of(id) end
return states
