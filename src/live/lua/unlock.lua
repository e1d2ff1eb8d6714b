-- (id token)…
for at = 1, #ARGV, 2 do
  local _, held = holder(ARGV[at])
  if held and held ~= 0 and held == tonumber(ARGV[at + 1]) then
    call('DEL', P .. ARGV[at] .. ':lock')
    call('ZREM', G .. 'locks', ARGV[at])
  end
end
return 0
