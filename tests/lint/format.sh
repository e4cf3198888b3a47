#!/bin/sh
# Is every C++ file formatted as .clang-format says? Exit 77 (skipped) if clang-format is missing.
#
#   tests/lint/format.sh [ROOT]         check
#   tests/lint/format.sh --fix [ROOT]   format the files in place
set -eu

mode=check
if [ "${1:-}" = --fix ]; then
    mode=fix
    shift
fi
cd "${1:-$(dirname "$0")/../..}"

# Debian 12 has 14, and other versions differ in details: 14 it is where it can be had.
for tool in clang-format-14 clang-format ""; do
    [ -n "$tool" ] || break
    command -v "$tool" >/dev/null 2>&1 && break
done
if [ -z "$tool" ]; then
    echo "format: skipped, clang-format is not installed (bin/setup installs it)"
    exit 77
fi
case $("$tool" --version) in
    *"version 14."*) ;;
    *) echo "format: note that the files are formatted with clang-format 14; this is" \
        "$("$tool" --version)" ;;
esac

# No source file has blanks in its name, so the list may be split into words.
# shellcheck disable=SC2046
set -- $(find lib broker bin bench tests \( -name '*.hpp' -o -name '*.cpp' \) -print)
if [ "$mode" = fix ]; then
    "$tool" -i "$@"
    echo "format: formatted $# files"
elif ! "$tool" --dry-run -Werror "$@" >/dev/null 2>&1; then
    faults=0
    for file in "$@"; do
        if ! "$tool" --dry-run -Werror "$file" >/dev/null 2>&1; then
            faults=$((faults + 1))
            # The first few differences show what is meant; the command below mends the rest.
            [ "$faults" -gt 5 ] || "$tool" "$file" | diff -u "$file" - | head -n 25 || true
            [ "$faults" -le 5 ] || echo "$file"
        fi
    done
    echo "format: $faults of $# files differ; tests/lint/format.sh --fix formats them"
    exit 1
else
    echo "format: $# files are fine"
fi
