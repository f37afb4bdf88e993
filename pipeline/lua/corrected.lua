-- Tell of rows that would be rejected how many that stand so were corrected elsewhere, so that their recordings are there.
-- KEYS  1 prefix
-- ARGV  1 batch, 2 number of the manifest, then digests
-- RETURNS how many, for each
-- ERRORS none of its own

local found = {}
for i = 3, #ARGV do found[i - 2] = #corrected_jobs(ARGV[1], ARGV[2], ARGV[i]) end
return found
