-- Keep the rows of a manifest that were rejected.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 batch, 3 number of the manifest, then for each row: line, record
-- RETURNS how many
-- ERRORS none of its own

local batch, manifest, last = ARGV[2], ARGV[3], 0
found_batch(batch, clock_ms(ARGV[1]))
for i = 4, #ARGV, 2 do
  reject_row(batch, manifest, ARGV[i], ARGV[i + 1])
  last = math.max(last, tonumber(ARGV[i]))
end
reach_line(batch, manifest, last)
return (#ARGV - 3) / 2
