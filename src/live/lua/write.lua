-- id token now activeAt ticks journals histories historyMax events cores sessions counters isChecked isNeeded, then of
-- each its items: (at value) value (at value) (name value) (name value) (name n) → {0, first turn, version}, {1 not there}, {2},
-- {3}, {4 unchecked}
local id, now = ARGV[1], tonumber(ARGV[3])
local refused = refusal(id, tonumber(ARGV[2]), now)
if refused ~= 0 then return {refused} end
local W = P .. id
local meta, core = W .. ':meta', W .. ':core'
local m = call('HMGET', meta, 'version', 'turn', 'activeAt', 'dirtyAt', 'bytes', 'ticks', 'life')
if not m[1] then return {1} end
local life = call('GET', G .. 'life') or ''
if ARGV[13] == '0' and (m[7] or '') ~= life then return {4} end
if ARGV[14] == '1' then even_if_full() end
local version, turn, grown, at = tonumber(m[1]) + 1, tonumber(m[2]), 0, 15

for _ = 1, tonumber(ARGV[6]) do
  local value = raw(ARGV[at + 1])
  turn = turn + 1
  call('RPUSH', W .. ':journal', int(turn) .. ' ' .. ARGV[at] .. ' ' .. value)
  grown, at = grown + #value, at + 2
end

local histories = tonumber(ARGV[7])
if histories > 0 then
  local key, count = W .. ':history', 0
  for _ = 1, histories do
    local value = raw(ARGV[at])
    count = call('RPUSH', key, value)
    grown, at = grown + #value, at + 1
  end
  for _ = tonumber(ARGV[8]) + 1, count do grown = grown - #call('LPOP', key) end
end

local events = tonumber(ARGV[9])
for _ = 1, events do
  local value = raw(ARGV[at + 1])
  if call('ZADD', W .. ':events', ARGV[at], value) == 1 then grown = grown + #value end
  at = at + 2
end
if events > 0 then call('ZADD', G .. 'events', call('ZRANGE', W .. ':events', 0, 0, 'WITHSCORES')[2], id) end

local cores, sessions = tonumber(ARGV[10]), tonumber(ARGV[11])
grown = grown + set_fields(core, at, cores)
at = at + 2 * cores
grown = grown + set_fields(W .. ':session', at, sessions)
at = at + 2 * sessions
for i = at, at + 2 * tonumber(ARGV[12]) - 1, 2 do
  local was = call('HSTRLEN', core, ARGV[i])
  local is = #int(call('HINCRBY', core, ARGV[i], ARGV[i + 1]))
  grown = grown + is - was + (was == 0 and #ARGV[i] or 0)
end

local active, bytes = math.max(tonumber(m[3]), tonumber(ARGV[4])), tonumber(m[5])
local is = math.max(0, bytes + grown) -- what an application wrote by itself was not counted
call('HSET', meta, 'version', int(version), 'turn', int(turn), 'ticks', int(tonumber(m[6]) + tonumber(ARGV[5])),
     'activeAt', int(active), 'bytes', int(is), 'dirtyAt', m[4] or ARGV[3])
if m[7] ~= life then call('HSET', meta, 'life', life) end
if active > tonumber(m[3]) then call('ZADD', G .. 'active', int(active), id) end
if not m[4] then call('ZADD', G .. 'dirty', ARGV[3], id) end
if is ~= bytes then call('INCRBY', G .. 'bytes', int(is - bytes)) end
return {0, tonumber(m[2]) + 1, version}
