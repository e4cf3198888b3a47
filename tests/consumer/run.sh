#!/usr/bin/env bash
# Installs the given build into a fresh prefix and builds a small project against it as a user
# would: once with find_package, once with pkg-config and the bare compiler. Runs both.
set -euo pipefail

if [[ $# -lt 1 ]]; then
    echo "usage: tests/consumer/run.sh BUILD_DIR [C++ COMPILER]" >&2
    exit 2
fi
build=$1
cxx=${2:-g++}
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/project" && pwd)
temp=$(mktemp -d "${TMPDIR:-/tmp}/maus-consumer.XXXXXX")
trap 'rm -rf "$temp"' EXIT
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
timeout 60 "$temp/build/consumer"

say "pkg-config maus-parkserver maus"
pc=$(dirname "$(find "$prefix" -name maus.pc)")
export PKG_CONFIG_PATH=$pc${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
pkg-config --modversion maus maus-parkserver
# Word splitting is meant.
# shellcheck disable=SC2046
"$cxx" -std=c++20 "$project/main.cpp" -o "$temp/plain" $(pkg-config --cflags --libs maus-parkserver maus)
LD_LIBRARY_PATH=$(dirname "$pc")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} timeout 60 "$temp/plain"

say "both work"
