-- node epoch now max id… → how many of these locks were orphans and are gone
local node, epoch, now, max, removed = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), 0

local function is_orphan(id)
  local owner, _, till = holder(id)
  if not owner then return call('ZSCORE', G .. 'locks', id) end -- the key expired by itself
  if till == math.huge then return call('PTTL', P .. id .. ':lock') == -1 end
  if till <= now then return true end
  local name, born = string.match(owner, '^(.*):(%d+)$')
  return name == node and tonumber(born) < epoch
end

for at = 5, #ARGV do
  if removed == max then break end
  if is_orphan(ARGV[at]) then
    call('DEL', P .. ARGV[at] .. ':lock')
    call('ZREM', G .. 'locks', ARGV[at])
    removed = removed + 1
  end
end
return removed
