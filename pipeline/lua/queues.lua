-- Count the messages that wait in the broker, by queue.
-- KEYS  1 prefix
-- ARGV  none
-- RETURNS {messages for calls, for media, in the queue that Celery would use if none were named}
-- ERRORS none of its own

return {
  redis.call('LLEN', prefix .. 'celery:calls'),
  redis.call('LLEN', prefix .. 'celery:media'),
  redis.call('LLEN', prefix .. 'celery:celery'),
}
