#!/bin/sh
# The two commands' set-up: what is installed when, and when a build is set up anew. Works in a copy with a
# dpkg-query, apt-get, meson and ninja of its own that only write down how they were called.
set -u
root=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin" "$work/src/base" "$work/tools"
cp tools/packages.sh tools/packages.txt tools/build.sh tools/sources.sh tools/npm.sh "$work/tools/"
cd "$work" || exit 1
: >installed
: >calls

stub() { printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"; chmod +x "bin/$1"; }
stub dpkg-query 'cat "$WORK/installed"; exit 1'
stub apt-get 'echo "apt-get $*" >>"$WORK/calls"'
stub id 'echo 0'
stub meson 'echo "meson $*" >>"$WORK/calls"; for a; do case $a in --*|-*|setup) ;; *) mkdir -p "$a"; : >"$a/build.ninja" ;; esac; done'
stub ninja 'echo "ninja $*" >>"$WORK/calls"'
for tool in gcc node npm jq; do stub $tool :; done # found by name, whatever dpkg says
unset JOBS CC
export WORK="$work" PATH="$work/bin:/usr/bin:/bin"

check() { if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'not ok %s\n  got  %s\n  want %s\n' "$1" "$2" "$3"; fi; }
has() { case "$2" in *"$3"*) echo "ok $1" ;; *) printf 'not ok %s\n  %s\n  lacks %s\n' "$1" "$2" "$3" ;; esac; }
lacks() { case "$2" in *"$3"*) printf 'not ok %s\n  %s\n  has %s\n' "$1" "$2" "$3" ;; *) echo "ok $1" ;; esac; }

said=$(tools/packages.sh run 2>&1)
has says_what_it_installs "$said" 'Installing Debian packages: libc6-dev'
has installs_without_a_question "$(cat calls)" 'install -y --no-install-recommends libc6-dev'
lacks leaves_out_what_a_command_shows_to_be_there "$said" ' gcc'
lacks run_needs_no_test_packages "$said" 'libcmocka-dev'
has test_needs_its_own_packages "$(tools/packages.sh run test 2>&1)" 'libcmocka-dev'

awk '!/^#/ && NF { print $2, "install ok installed" }' tools/packages.txt >installed
: >calls
check says_nothing_when_all_is_there "$(tools/packages.sh run test lint 2>&1)" ''
check calls_nothing_when_all_is_there "$(cat calls)" ''
sed -i 's/^libsodium-dev install ok installed/libsodium-dev deinstall ok config-files/' installed
has notices_a_removed_package "$(tools/packages.sh run 2>&1)" 'Installing Debian packages: libsodium-dev'

stub id 'echo 1000'
mkdir poor # a PATH without sudo
for tool in cut awk cat dirname; do ln -s "$(command -v $tool)" poor/; done
ln -s "$work"/bin/* poor/
if said=$(PATH="$work/poor" /bin/sh tools/packages.sh run 2>&1)
then echo 'not ok says_what_to_do_without_root'; else has says_what_to_do_without_root "$said" 'As root, run: apt-get install --no-install-recommends libsodium-dev'; fi

: >calls
echo 'int a;' >src/base/a.c
tools/build.sh out -Dtests=true
check sets_a_build_up_once "$(grep -c '^meson setup out -Dtests=true' calls)" 1
: >calls
tools/build.sh out -Dtests=true
check builds_without_setting_up_again "$(cat calls)" 'ninja -C out'
: >calls
echo 'int b;' >src/base/b.c
tools/build.sh out -Dtests=true
has a_new_file_is_seen "$(cat calls)" 'meson setup --reconfigure out -Dtests=true'
: >calls
rm src/base/b.c
tools/build.sh out -Dtests=true
has a_removed_file_is_seen "$(cat calls)" 'meson setup --reconfigure out'
: >calls
tools/build.sh out -Dtests=false
has a_changed_option_is_seen "$(cat calls)" 'meson setup --reconfigure out -Dtests=false'
stub ninja 'echo "a.c:1: error: broken"; exit 1'
if said=$(tools/build.sh out -Dtests=false 2>&1); then echo 'not ok a_failed_build_fails_and_is_shown'
else has a_failed_build_fails_and_is_shown "$said" 'a.c:1: error: broken'; fi

mkdir -p web
echo '{}' >web/package.json
echo '{}' >web/package-lock.json
stub npm 'echo "npm $*" >>"$WORK/calls"; mkdir node_modules'
: >calls
tools/npm.sh web
tools/npm.sh web
check installs_node_packages_once "$(cat calls)" 'npm ci --no-audit --no-fund'
echo '{"a":1}' >web/package-lock.json
rm -r web/node_modules
tools/npm.sh web
check installs_node_packages_anew_when_their_list_changes "$(grep -c '^npm ci' calls)" 2

cd "$root" || exit 1
has ci_runs_the_tests "$(cat .ci/run)" 'exec make test'
check ci_is_executable "$([ -x .ci/run ] && echo yes)" yes
