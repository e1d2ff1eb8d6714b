# awk -f lint-sizes.awk size-budget.txt SOURCE… : lines of each function and file; relies on clang-format's
# layout (a function's last line is a lone brace in column one). Tests are counted apart and not limited.
function end_function(lines) {
  if (is_test) { tests++; return }
  size[++n] = lines
  if (lines > 60) judge(FILENAME ":" name, lines, 60)
  if (params > 5) wide[++wides] = FILENAME ":" name " (" params ")"
}
function judge(what, lines, limit) {
  over++
  if (!(what in budget)) { printf "%s has %d lines (limit %d): split it, or give its reason in tools/size-budget.txt\n", what, lines, limit; failed = 1 }
  else if (lines > budget[what]) { printf "%s grew to %d lines (budget %d)\n", what, lines, budget[what]; failed = 1 }
  used[what] = 1
}
function end_file() {
  if (last == "" || last_is_test) return
  total += last_lines
  files++
  if (last_lines > 600) judge(last, last_lines, 600)
}
FNR == NR { if ($1 == "parameters") wides_max = $2; else if (!/^#/ && NF) budget[$1] = $2; next }
FNR == 1 {
  end_file()
  last = FILENAME
  is_test = last_is_test = FILENAME ~ /_test\.c$/
  begin = 0
  in_body = 0
}
{ last_lines = FNR }
in_body { if (/^}/) { in_body = 0; end_function(FNR - begin + 1); begin = 0 }; next }
/^[A-Za-z_\[]/ && !begin { begin = FNR; signature = "" }
begin {
  signature = signature " " $0
  if (/^[#}\/]/ || /;[ \t]*(\/\*.*)?$/ || /=[ \t]*\{/) { if (!/\) \{.*\}$/ || /=[ \t]*\{/) { begin = 0; next } }
  if (/\{.*\}[ \t]*(\/\*.*)?$/ || /\{[ \t]*(\/\*.*)?$/) {
    if (signature !~ /\)[^)=]*\{/ || signature ~ /^ *(struct|enum|union|typedef)[^(]*\{/) { begin = 0; next }
    name = signature; sub(/\).*/, "", name); params_text = signature
    name = signature
    gsub(/\[\[[^\]]*\]\]/, "", name)
    sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
    sub(/^[^(]*\(/, "", params_text); sub(/\) *\{.*/, "", params_text)
    gsub(/\([^()]*\)/, "", params_text)
    params = params_text ~ /^ *(void)? *$/ ? 0 : gsub(/,/, ",", params_text) + 1
    if (/\}[ \t]*(\/\*.*)?$/) { end_function(FNR - begin + 1); begin = 0 }
    else in_body = 1
  }
}
END {
  end_file()
  if (wides > wides_max) {
    printf "%d functions have more than five parameters (budget %d):", wides, wides_max
    for (i = 1; i <= wides; i++) printf " %s", wide[i]
    print ""
    failed = 1
  } else if (wides < wides_max) printf "%d functions have more than five parameters; the budget can fall to that\n", wides
  for (what in budget) if (!(what in used)) { print what ": its budget is no longer needed, take it out"; failed = 1 }
  for (i = 2; i <= n; i++) { v = size[i]; for (j = i - 1; j > 0 && size[j] > v; j--) size[j + 1] = size[j]; size[j + 1] = v }
  if (n) printf "%d files, %d lines; %d functions, median %d lines, 90th percentile %d, longest %d, over the limits: %d\n",
    files, total, n, size[int((n + 1) / 2)], size[int(n * 0.9) + (n * 0.9 > int(n * 0.9))], size[n], over
  exit failed
}
