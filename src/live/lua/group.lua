-- (count word…)… → the answers of these commands, done as one
even_if_full()
local answers, at = {}, 1
while at <= #ARGV do
  local last = at + tonumber(ARGV[at])
  answers[#answers + 1] = call(unpack(ARGV, at + 1, last))
  at = last + 1
end
return answers
