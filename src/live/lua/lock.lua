-- owner now lease id… → token or 0 …
even_if_full()
local now, lease, answer = tonumber(ARGV[2]), tonumber(ARGV[3]), {}
local fence, till = tonumber(call('GET', G .. 'fence') or 0), int(now + lease)
for at = 4, #ARGV do
  local id = ARGV[at]
  local key, token = P .. id .. ':lock', 0
  local owner, _, held_till = holder(id)
  if not owner or held_till <= now then
    fence = math.max(fence + 1, now * 1000)
    token = fence
    call('SET', key, ARGV[1] .. '|' .. int(token) .. '|' .. till, 'PX', ARGV[3])
    call('ZADD', G .. 'locks', till, id)
  elseif held_till == math.huge and call('PTTL', key) == -1 then
    -- A bare key of an application: it gets a lease the first time we meet it, so that no lock stays for ever.
    call('PEXPIRE', key, ARGV[3])
    call('ZADD', G .. 'locks', till, id)
  end
  answer[#answer + 1] = token
end
call('SET', G .. 'fence', int(fence))
return answer
