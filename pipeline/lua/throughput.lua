-- Read how many recordings of a batch came to an end, part by part of the time that it took.
-- KEYS  1 prefix
-- ARGV  1 now (ms, '' for the server's clock), 2 batch
-- RETURNS {now (ms), 'width_s <seconds> first <number> <number>:<done|dead> <recordings> …' in one text ('' if none did)}
-- ERRORS none of its own

return {as_text(clock_ms(ARGV[1])), table.concat(redis.call('HGETALL', ended_key(ARGV[2])), ' ')}
