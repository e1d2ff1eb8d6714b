-- id token now version turn ticks activeAt cores sessions replaces events (name value)… (at value)… → {0, counted}: done,
-- {1}: is there, {2} {3}: refused
local id = ARGV[1]
local refused = refusal(id, tonumber(ARGV[2]), tonumber(ARGV[3]))
if refused ~= 0 then return {refused} end
local meta = P .. id .. ':meta'
local is_there = call('EXISTS', meta) == 1
if is_there and ARGV[10] == '0' then return {1} end
if is_there then
  even_if_full() -- what it replaces makes room
  call('DECRBY', G .. 'bytes', call('HGET', meta, 'bytes') or '0')
  for _, part in ipairs({'core', 'session', 'journal', 'history', 'events', 'meta'}) do
    call('UNLINK', P .. id .. ':' .. part)
  end
  for _, index in ipairs({'dirty', 'events'}) do call('ZREM', G .. index, id) end
end
local cores, sessions = tonumber(ARGV[8]), tonumber(ARGV[9])
call('HSET', meta, 'version', ARGV[4], 'saved', ARGV[4], 'turn', ARGV[5], 'ticks', ARGV[6], 'activeAt', ARGV[7],
     'bytes', '0', 'life', call('GET', G .. 'life') or '')
local grown = set_fields(P .. id .. ':core', 12, cores)
grown = grown + set_fields(P .. id .. ':session', 12 + 2 * cores, sessions)
local oldest
for at = 12 + 2 * (cores + sessions), 10 + 2 * (cores + sessions + tonumber(ARGV[11])), 2 do
  local value, score = raw(ARGV[at + 1]), tonumber(ARGV[at])
  if call('ZADD', P .. id .. ':events', ARGV[at], value) == 1 then grown = grown + #value end
  if not oldest or score < oldest then oldest = score end
end
if oldest then call('ZADD', G .. 'events', int(oldest), id) end
count_bytes(meta, 0, grown)
call('ZADD', G .. 'active', ARGV[7], id)
return {0, call('INCR', SEEN)}
