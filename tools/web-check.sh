#!/bin/sh
# web-check.sh CHECK… : what the bundler does not look at. types: tsc, with the API's types made anew from the server's
# own description, so a page that the server has left behind fails; missing words of a language, too. format: prettier.
set -u
cd "$(dirname "$0")/.."
status=0
say() { if [ "$1" = 0 ]; then echo "ok $2"; else status=1; echo "not ok $2"; fi; }
for check; do
  case $check in
    types)
      tools/build.sh build -- openapi.json &&
        node --input-type=module -e 'const { writeApiTypes } = await import(`${process.cwd()}/web/tools/api-types.mjs`);
          writeApiTypes("build/openapi.json", "web/src/api/schema.gen.ts");' &&
        node web/node_modules/typescript/bin/tsc --noEmit -p web
      say $? pages_fit_the_server ;;
    format)
      node web/node_modules/prettier/bin/prettier.cjs --check --log-level warn 'web/**/*.{ts,tsx,mjs,css,json}' 'tests/web/**/*.mjs'
      say $? pages_are_formatted ;;
    *) echo "usage: web-check.sh types|format …" >&2; exit 2 ;;
  esac
done
exit $status
