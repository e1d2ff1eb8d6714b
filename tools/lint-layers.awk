# awk -f lint-layers.awk layers.txt SOURCE… : checks each include against the map, and both for cycles.
function folder_of(path) { sub(/\/[^\/]*$/, "", path); return path }
function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; failed = 1 }

# Depth-first over either graph; state 1 = on the path, 2 = done.
function visit(graph_name, node, path,    parts, n, i, key) {
  key = graph_name SUBSEP node
  if (state[key] == 2) return
  if (state[key] == 1) { print "cycle of " graph_name ": " path node; failed = 1; return }
  state[key] = 1
  n = split(edges[key], parts, " ")
  for (i = 1; i <= n; i++) visit(graph_name, parts[i], path node " > ")
  state[key] = 2
}

FNR == NR {
  if (/^#/ || NF == 0) next
  if ($1 == "only") { h = $2; sub(/:$/, "", h); for (i = 3; i <= NF; i++) only[h] = only[h] " " $i " "; next }
  if ($1 == "pure") { for (i = 2; i <= NF; i++) pure[$i] = 1; next }
  if ($1 == "impure:") { for (i = 2; i <= NF; i++) impure[$i] = 1; next }
  f = $1; sub(/:$/, "", f); known[f] = 1
  for (i = 2; i <= NF; i++) {
    may[f, $i] = 1
    if ($i !~ /\//) edges["folders", f] = edges["folders", f] " src/" $i
  }
  next
}

FNR == 1 {
  from = folder_of(FILENAME)
  top = from
  if (top ~ /^src\/.+\//) { split(top, p, "/"); top = p[1] "/" p[2] }
  if (top ~ /^executors/) top = "executors"
  is_test = FILENAME ~ /_test\.c$/
  if (!(top in known)) complain("folder " top " is not in tools/layers.txt")
}
is_test { next }

/^[ \t]*#[ \t]*include[ \t]*</ {
  h = $0; sub(/^[^<]*</, "", h); sub(/>.*/, "", h)
  if ((h in only) && index(only[h], " " top " ") == 0) complain("<" h "> may be included only in" only[h])
  if ((top in pure) && (h in impure)) complain("<" h "> in a pure folder")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
  h = $0; sub(/^[^"]*"/, "", h); sub(/".*/, "", h)
  if ((top in pure) && (h in impure)) complain("\"" h "\" in a pure folder")
  if (h ~ /^executors\//) { if (top != "executors" && top != "src/warden") complain("\"" h "\" is not for " top); next }
  if (h !~ /\//) { complain("\"" h "\": write the path from src/"); next }
  split(h, p, "/")
  if (FILENAME ~ /\.h$/) { name = FILENAME; sub(/^src\//, "", name); edges["headers", name] = edges["headers", name] " " h; headers[name] = 1 }
  if ("src/" p[1] == top) next
  if (!((top, p[1]) in may) && !((top, h) in may)) complain(top " may not include \"" h "\"")
}
END {
  for (f in known) visit("folders", f, "")
  for (h in headers) visit("headers", h, "")
  exit failed
}
