-- now lease (id token)… → token or 0 …
even_if_full()
local now, lease, answer = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
for at = 3, #ARGV, 2 do
  local id, token = ARGV[at], tonumber(ARGV[at + 1])
  local owner, held, till = holder(id)
  if token ~= 0 and held == token then
    local text = int(math.max(till, now + lease))
    call('SET', P .. id .. ':lock', owner .. '|' .. int(token) .. '|' .. text, 'PX', ARGV[2])
    call('ZADD', G .. 'locks', text, id)
  else
    token = 0
  end
  answer[#answer + 1] = token
end
return answer
