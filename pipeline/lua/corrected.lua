-- Tell of rows that would be rejected how many that stand so were corrected elsewhere, so that their recordings are there.
-- KEYS  1 prefix
-- ARGV  1 batch, 2 number of the manifest, then digests
-- RETURNS how many, for each
-- ERRORS none of its own

local function jobs_of(digest)
  local count, ids = 0, corrected_ids(ARGV[1], ARGV[2], digest)
  for i = 1, #ids, 12 do
    if state_of(unpacked_id(string.sub(ids, i, i + 11))) ~= '' then count = count + 1 end
  end
  return count
end

local found, by_digest = {}, {}
for i = 3, #ARGV do
  by_digest[ARGV[i]] = by_digest[ARGV[i]] or jobs_of(ARGV[i])
  found[i - 2] = by_digest[ARGV[i]]
end
return found
