-- Stands before every script. KEYS: the prefix of a world's keys and that of the keys for all; every other key is
-- made of them, so that one script serves many worlds (not for Redis Cluster).
local P, G = KEYS[1], KEYS[2]
local call = redis.call

-- A full server refuses a script's first write if that could take memory, and none after it. What frees memory, or is
-- needed to free it, begins with one that takes none.
local function even_if_full() call('UNLINK', G .. 'nothing') end

-- What this server of ours has seen here, a name for a new life, where it is counted (redis_seen.h). Less than that is
-- an older copy in the old one's place.
local seen, new_life, SEEN = string.match(table.remove(ARGV, 1), '^(%d+)|([^|]*)|(.*)$')
if tonumber(call('GET', SEEN) or 0) < tonumber(seen) then
  even_if_full()
  call('SET', G .. 'life', new_life)
  call('SET', SEEN, seen)
end

local function int(n) return string.format('%.0f', n) end

-- Owner, token and end of the lease; nothing without a lock. A text that is not ours holds until its key goes.
local function holder(id)
  local text = call('GET', P .. id .. ':lock')
  if not text then return nil end
  local owner, token, till = string.match(text, '^(.*)|(%d+)|(%-?%d+)$')
  if owner then return owner, tonumber(token), tonumber(till) end
  return text, 0, math.huge
end

-- 0 this sender may change the world, 2 somebody else holds the lock, 3 the token is not the lock's any more
local function refusal(id, token, now)
  local owner, held, till = holder(id)
  if token ~= 0 then return held == token and 0 or 3 end
  return owner and till > now and 2 or 0
end

-- n pairs of name and value in ARGV from at on; by how much the bytes grew
local function set_fields(key, at, n)
  local grown = 0
  for i = at, at + 2 * n - 1, 2 do
    local name, value = ARGV[i], raw(ARGV[i + 1])
    local was = call('HSTRLEN', key, name)
    if was > 0 then grown = grown - was - #name end
    if value == '' then
      call('HDEL', key, name)
    else
      call('HSET', key, name, value)
      grown = grown + #value + #name
    end
  end
  return grown
end

-- Never below nothing: what an application wrote by itself was not counted.
local function count_bytes(meta, was, grown)
  if grown == 0 then return end
  local is = math.max(0, was + grown)
  call('HSET', meta, 'bytes', int(is))
  call('INCRBY', G .. 'bytes', int(is - was))
end
