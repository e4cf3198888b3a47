#!/usr/bin/env bash
# usage: library.sh COMPILER ROOT GENERATED_INCLUDE
# The library compiles with this compiler, too: folder by folder, all sources of one as one, and nothing is made.
set -euo pipefail

compiler=$1 root=$2 generated=$3
one=$(mktemp "${TMPDIR:-/tmp}/maus-one.XXXXXX.cpp")
trap 'rm -f "$one"' EXIT
failed=0
for folder in lib/maus/base lib/maus/wire lib/maus/core lib/maus/net lib/maus/shell lib/maus broker/core broker/shell; do
    printf '#include "%s"\n' "$root/$folder"/*.cpp > "$one"
    # Only clang before 16 needs the second flag: it knows coroutines, and does not say so (CMakeLists.txt).
    if ! "$compiler" -std=c++20 -fsyntax-only -w -D__cpp_impl_coroutine=201902L -I "$root/lib" \
        -I "$root/broker/shell/include" -I "$root" -I "$generated" "$one"; then
        echo "library: $folder does not compile with $compiler"
        failed=1
    fi
done
((failed == 0)) && echo "library: each folder compiles with $compiler"
exit $failed
