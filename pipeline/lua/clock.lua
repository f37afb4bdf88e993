-- Read the server's clock.
-- KEYS  1 prefix
-- ARGV  none
-- RETURNS microseconds since the epoch
-- ERRORS none of its own

return as_text(clock_us(''))
