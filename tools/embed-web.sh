#!/bin/sh
# embed-web.sh OUTPUT.c OPENAPI.json FOLDER : builds the web UI (web/build.mjs) into FOLDER and writes the C file
# that takes its files into the binary: a table by path and encoding (src/base/embedded.h). The bytes are taken in
# by the assembler, since hundreds of kilobytes as C arrays compile slowly.
set -eu
out=$1 openapi=$2 folder=$3
rm -rf "$folder"
mkdir -p "$folder"
: >"$folder/manifest.txt"
[ ! -f "$(dirname "$0")/../web/build.mjs" ] ||
  node "$(dirname "$0")/../web/build.mjs" --openapi "$openapi" --out "$folder"
# A line of the manifest: path, file, content type, encoding (identity, br or gzip), ETag.
LC_ALL=C sort "$folder/manifest.txt" | awk -F'\t' -v folder="$folder" '
  function size_of(file,    command, bytes) {
    command = "wc -c <\"" file "\""
    command | getline bytes
    close(command)
    return bytes
  }
  BEGIN { print "#include \"base/embedded.h\"" }
  {
    file = folder "/" $2
    encoding = $4 == "identity" || $4 == "-" ? "" : $4
    gsub(/"/, "", $5)
    if (encoding != "") $5 = $5 "-" encoding
    printf "__asm__(\".pushsection .rodata\\n.global web_%d\\n.hidden web_%d\\n", n, n
    printf "web_%d: .incbin \\\"%s\\\"\\n.byte 0\\n.popsection\\n\");\nextern const char web_%d[];\n", n, file, n
    rows = rows sprintf("  {\"%s\", \"%s\", \"%s\", \"\\\"%s\\\"\", web_%d, %d},\n", $1, encoding, $3, $5, n, size_of(file))
    n++
  }
  END { printf "const struct embedded_web embedded_web[] = {\n%s  {0, 0, 0, 0, 0, 0}};\n", rows }' >"$out.tmp"
mv "$out.tmp" "$out"
