-- (id version turn readAt)… → (is done, freed bytes)…
even_if_full()
local answer = {}
for at = 1, #ARGV, 4 do
  local id, version, turn, read_at = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local meta, journal, done, freed = P .. id .. ':meta', P .. id .. ':journal', 1, 0
  local m = call('HMGET', meta, 'version', 'saved', 'dirtyAt', 'bytes', 'turn')
  if m[1] and version > tonumber(m[1]) then
    done = 0 -- of an earlier life of this world
  elseif m[1] then
    local entries, safe = call('LRANGE', journal, 0, -1), 0
    for i = 1, #entries do
      local entry_turn, start = string.match(entries[i], '^(%d+) %-?%d+ ()')
      -- what an application put between them in another form, or with a turn that was not given, holds nothing up
      local is_ours = entry_turn and tonumber(entry_turn) <= tonumber(m[5])
      if is_ours and tonumber(entry_turn) > turn then break end
      if is_ours then safe, freed = i, freed + #entries[i] - start + 1 end
    end
    if safe > 0 then call('LTRIM', journal, safe, -1) end
    count_bytes(meta, tonumber(m[4]), -freed)
    local saved = math.max(version, tonumber(m[2]))
    if saved > tonumber(m[2]) then call('HSET', meta, 'saved', int(saved)) end
    if saved == tonumber(m[1]) then
      call('HDEL', meta, 'dirtyAt')
      call('ZREM', G .. 'dirty', id)
    else
      done = 0
      if read_at > tonumber(m[3] or 0) then
        call('HSET', meta, 'dirtyAt', int(read_at))
        call('ZADD', G .. 'dirty', int(read_at), id)
      end
    end
  end
  answer[#answer + 1], answer[#answer + 2] = done, freed
end
return answer
