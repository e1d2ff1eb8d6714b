-- index afterScore afterId limit → (id, score)… behind that place, which may be empty by now; "" begins
local key, limit, rank = G .. ARGV[1], tonumber(ARGV[4]), 0

-- By bytes, as sorted sets are; Lua's own < follows the server's locale.
local function is_behind(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end

if ARGV[2] ~= '' then
  local score = call('ZSCORE', key, ARGV[3])
  if score and tonumber(score) == tonumber(ARGV[2]) then
    rank = call('ZRANK', key, ARGV[3]) + 1
  else
    rank = call('ZCOUNT', key, '-inf', '(' .. ARGV[2])
    local last = call('ZCOUNT', key, '-inf', ARGV[2])
    while rank < last do
      local middle = math.floor((rank + last) / 2)
      if is_behind(call('ZRANGE', key, middle, middle)[1], ARGV[3]) then last = middle else rank = middle + 1 end
    end
  end
end
return call('ZRANGE', key, rank, rank + limit - 1, 'WITHSCORES')
