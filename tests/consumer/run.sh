#!/usr/bin/env bash
# Installs the given build into a fresh prefix and builds a small project against it as a user
# would: once with find_package, once with pkg-config and the bare compiler. Runs both, and then the
# programs that stand in the README.
set -euo pipefail

if [[ $# -lt 1 ]]; then
    echo "usage: tests/consumer/run.sh BUILD_DIR [C++ COMPILER]" >&2
    exit 2
fi
build=$1
cxx=${2:-g++}
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/project" && pwd)
readme=$project/../../../README.md
temp=$(mktemp -d "${TMPDIR:-/tmp}/maus-consumer.XXXXXX")
started=()
trap '[[ ${#started[@]} -eq 0 ]] || kill "${started[@]}" 2>/dev/null || :; rm -rf "$temp"' EXIT
prefix=$temp/prefix

say() { printf '\n== %s\n' "$*"; }

say "install into $prefix"
cmake --build "$build" --target installed
cmake --install "$build" --prefix "$prefix" >"$temp/install.log" || { cat "$temp/install.log"; exit 1; }
(cd "$prefix" && find . -type f | sort)

say "no installed header needs one that is not installed"
for header in "$prefix"/include/maus/*.hpp "$prefix"/include/maus/*/*.hpp; do
    [[ -e $header ]] || continue
    name=${header#"$prefix/include/"}
    printf '#include <%s>\n' "$name" | "$cxx" -std=c++20 -fsyntax-only -I"$prefix/include" -x c++ - ||
        { echo "<$name> does not compile by itself" >&2; exit 1; }
done

say "find_package(maus)"
cmake -S "$project" -B "$temp/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER="$cxx" \
    -DCMAKE_BUILD_TYPE=Debug
cmake --build "$temp/build"
timeout 300 "$temp/build/consumer"

say "pkg-config maus-parkserver maus"
pc=$(dirname "$(find "$prefix" -name maus.pc)")
export PKG_CONFIG_PATH=$pc${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
pkg-config --modversion maus maus-parkserver
# Word splitting is meant.
# shellcheck disable=SC2046
"$cxx" -std=c++20 "$project/main.cpp" -o "$temp/plain" $(pkg-config --cflags --libs maus-parkserver maus)
LD_LIBRARY_PATH=$(dirname "$pc")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} timeout 300 "$temp/plain"

say "the README's worker, manager and loop, as they stand there"
awk -v to="$temp" '/^```cpp$/ { ++n; inside = 1; next } /^```$/ { inside = 0 }
    inside { print > (to "/readme" n ".cpp") }' "$readme"
mv "$(grep -l 'for (;;)' "$temp"/readme*.cpp)" "$temp/loop"
find "$temp" -name 'readme*.cpp' ! -name readme1.cpp ! -name readme2.cpp -delete  # a test has the other examples
grep -q '^// worker.cpp' "$temp/readme1.cpp"
grep -q '^// manager.cpp' "$temp/readme2.cpp"
{
    printf '#include <poll.h>\n#include <maus/maus.hpp>\nint add(int x, int y) { return x + y; }\nint main() {\n'
    cat "$temp/loop"
    printf '}\n'
} >"$temp/readme3.cpp"

: >"$temp/park"  # the loop below may be quicker than the shell that redirects
"$prefix/bin/maus-parkserver" --bind 'tcp://127.0.0.1:*' --log-level off >"$temp/park" &
started+=($!)
endpoint=
for ((tries = 0; tries < 600; ++tries)); do  # a minute
    endpoint=$(sed -n 's/.* ready at //p' "$temp/park")
    [[ -z $endpoint ]] || break
    sleep 0.1
done
for n in 1 2 3; do
    sed -i "s|tcp://127.0.0.1:8500|$endpoint|" "$temp/readme$n.cpp"  # that port may be somebody's
    # shellcheck disable=SC2046
    "$cxx" -std=c++20 -Wall -Wextra "$temp/readme$n.cpp" -o "$temp/readme$n" $(pkg-config --cflags --libs maus)
done
"$temp/readme1" &
started+=($!)
"$temp/readme3" &
started+=($!)
said=$(timeout 300 "$temp/readme2")
[[ $said = 2 ]] || { echo "the README's manager says '$said', not 2" >&2; exit 1; }

say "the installed examples, with nothing but what is installed"
examples=$(dirname "$(find "$prefix" -name example_worker.cpp)")
for name in worker manager; do
    # shellcheck disable=SC2046
    "$cxx" -std=c++20 -Wall -Wextra "$examples/example_$name.cpp" -o "$temp/example_$name" \
        $(pkg-config --cflags --libs maus)
done
"$temp/example_worker" "$endpoint" >"$temp/example" &
worker=$!
started+=("$worker")
kill "${started[@]:1:2}"  # the README's workers, which have only one of the example's functions
said=$(timeout 60 "$temp/example_manager" "$endpoint")
[[ $said = *"done by 1 worker(s)" ]] || { echo "the example's manager says '$said'" >&2; exit 1; }
kill -TERM "$worker"
wait "$worker" || { echo "the example's worker does not end well when it is asked to" >&2; exit 1; }

say "all work"
