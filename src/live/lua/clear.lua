-- now extras suffix… (id version token)… → (is done, freed bytes)…, counted
even_if_full()
local now, extras, answer = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
for at = 3 + extras, #ARGV, 3 do
  local id, token, done, freed = ARGV[at], tonumber(ARGV[at + 2]), 0, 0
  local W = P .. id .. ':'
  local m = call('HMGET', W .. 'meta', 'version', 'bytes')
  if not m[1] then
    done = 1
  elseif token ~= 0 and tonumber(m[1]) == tonumber(ARGV[at + 1]) and refusal(id, token, now) == 0 then
    done, freed = 1, tonumber(m[2])
    call('UNLINK', W .. 'core', W .. 'session', W .. 'journal', W .. 'history', W .. 'events', W .. 'meta', W .. 'lock')
    for i = 3, 2 + extras do call('UNLINK', W .. ARGV[i]) end
    for _, index in ipairs({'dirty', 'active', 'events', 'locks'}) do call('ZREM', G .. index, id) end
    call('DECRBY', G .. 'bytes', int(freed))
  end
  answer[#answer + 1], answer[#answer + 2] = done, freed
end
answer[#answer + 1] = call('INCR', SEEN)
return answer
