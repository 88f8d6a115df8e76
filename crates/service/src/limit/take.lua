-- One request of a quota: `Rate::take`, on the clock of the store. Times are in microseconds.
-- KEYS[1] is whose quota, ARGV how long one request takes to come back and how long the whole quota does.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, span = tonumber(ARGV[1]), tonumber(ARGV[2])
local whole_in = math.max((tonumber(redis.call('GET', KEYS[1])) or 0) - now, 0)
local allowed = whole_in + interval <= span
if allowed then
  whole_in = whole_in + interval
  redis.call('SET', KEYS[1], string.format('%.0f', now + whole_in), 'PX', math.ceil(whole_in / 1000))
end
return { allowed and 1 or 0, whole_in }
