# awk -f lint-banned.awk banned.txt SOURCE… : calls that may not appear, outside comments and strings.
FNR == NR {
  if (/^#/ || NF == 0) next
  reason = $0; sub(/^[^:]*: */, "", reason)
  head = $0; sub(/:.*/, "", head)
  n = split(head, word, " ")
  if (word[1] == "ban") for (i = 2; i <= n; i++) ban[word[i]] = reason
  if (word[1] == "allow") allow[word[2], word[3]] = 1
  next
}
FNR == 1 { in_comment = 0 }
{
  code = $0
  gsub(/\\./, "", code)
  gsub(/"[^"]*"/, "\"\"", code)
  if (in_comment) { if (!sub(/^.*\*\//, "", code)) next; in_comment = 0 }
  while (match(code, /\/\*/)) {
    rest = substr(code, RSTART + 2)
    at = index(rest, "*/")
    code = substr(code, 1, RSTART - 1) " " (at ? substr(rest, at + 2) : "")
    if (!at) { in_comment = 1; break }
  }
  sub(/\/\/.*/, "", code)
  while (match(code, /[A-Za-z_][A-Za-z0-9_]*\(/)) {
    name = substr(code, RSTART, RLENGTH - 1)
    before = RSTART > 1 ? substr(code, RSTART - 1, 1) : ""
    code = substr(code, RSTART + RLENGTH)
    if (!(name in ban) || before == "." || before == ">") continue
    folder = FILENAME; sub(/\/[^\/]*$/, "", folder)
    if ((name, FILENAME) in allow || (name, folder) in allow) continue
    printf "%s:%d: %s() is banned: %s\n", FILENAME, FNR, name, ban[name]
    failed = 1
  }
}
END { exit failed }
