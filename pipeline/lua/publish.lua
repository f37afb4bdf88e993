-- Put messages of steps into the broker, for workers to take. Asked again it puts them there again: of two of the same
-- step the one that begins has the job.
-- KEYS  1 prefix
-- ARGV  pairs of queue and message
-- RETURNS how many
-- ERRORS none of its own

for i = 1, #ARGV, 2 do redis.call('LPUSH', queue_key(ARGV[i]), ARGV[i + 1]) end
return #ARGV / 2
