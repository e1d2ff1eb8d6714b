-- before id… → how many events are gone
even_if_full()
local removed = 0
for at = 2, #ARGV do
  local id = ARGV[at]
  local key, meta, freed = P .. id .. ':events', P .. id .. ':meta', 0
  local old = call('ZRANGEBYSCORE', key, '-inf', '(' .. ARGV[1])
  if #old > 0 then
    for i = 1, #old do freed = freed + #old[i] end
    call('ZREMRANGEBYSCORE', key, '-inf', '(' .. ARGV[1])
    removed = removed + #old
    local bytes = call('HGET', meta, 'bytes')
    if bytes then count_bytes(meta, tonumber(bytes), -freed) end
  end
  local oldest = call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
  if oldest then call('ZADD', G .. 'events', oldest, id) else call('ZREM', G .. 'events', id) end
end
return removed
