-- id token now version turn ticks activeAt cores sessions (name value)… → 0 done, 1 is there, 2 3 refused
local id = ARGV[1]
local refused = refusal(id, tonumber(ARGV[2]), tonumber(ARGV[3]))
if refused ~= 0 then return refused end
local meta = P .. id .. ':meta'
if call('EXISTS', meta) == 1 then return 1 end
local cores, sessions = tonumber(ARGV[8]), tonumber(ARGV[9])
call('HSET', meta, 'version', ARGV[4], 'saved', ARGV[4], 'turn', ARGV[5], 'ticks', ARGV[6], 'activeAt', ARGV[7],
     'bytes', '0')
local grown = set_fields(P .. id .. ':core', 10, cores)
grown = grown + set_fields(P .. id .. ':session', 10 + 2 * cores, sessions)
count_bytes(meta, 0, grown)
call('ZADD', G .. 'active', ARGV[7], id)
return 0
