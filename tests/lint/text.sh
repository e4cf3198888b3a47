#!/bin/sh
# Tidy text: no tabs, no blanks at the end of a line, a newline at the end of a file, no source that is
# longer than 500 lines, and every script can be executed and parsed.
#
#   tests/lint/text.sh [ROOT]
set -eu
cd "${1:-$(dirname "$0")/../..}"

tab=$(printf '\t')
faults=0
files=0

# found TEXT LINES: counts and prints what grep found.
found() {
    [ -n "$2" ] || return 0
    faults=$((faults + $(printf '%s\n' "$2" | wc -l)))
    printf '%s\n' "$2" | sed "s/^/$1: /"
}

list=$(find lib broker bin bench tests .ci CMakeLists.txt CMakePresets.json README.md .clang-format \
    .clang-tidy .gitignore -path tests/fuzz/corpus -prune -o -path '*/data' -prune -o \
    -name __pycache__ -prune -o -name node_modules -prune -o -name '*.egg-info' -prune -o -path lib/python/build -prune -o -type f ! -name '*.swp' ! -name '*~' -print 2>/dev/null | LC_ALL=C sort)

# No file has blanks in its name, so the list may be split into words.
# shellcheck disable=SC2086
found "a tab" "$(grep -nI "$tab" $list /dev/null | cut -c1-120)"
# shellcheck disable=SC2086
found "a blank at the end" "$(grep -nIE ' +$' $list /dev/null | cut -c1-120)"

for file in $list; do
    files=$((files + 1))
    case $file in
        lib/*.?pp | broker/*.?pp | bin/*.?pp | lib/js/*.js | lib/python/*.py)
            [ "$(wc -l <"$file")" -le 500 ] || found "more than 500 lines; what else is in it?" "$file"
            ;;
    esac
    if [ -s "$file" ] && [ "$(tail -c 1 "$file" | wc -l)" -eq 0 ]; then
        found "no newline at the end" "$file"
    fi
    IFS= read -r first <"$file" || true
    case $first in
        '#!'*)
            [ -x "$file" ] || found "a script that can't be executed (chmod +x)" "$file"
            case $first in
                *bash*) bash -n "$file" || found "does not parse" "$file" ;;
                */sh*) sh -n "$file" || found "does not parse" "$file" ;;
            esac
            ;;
    esac
done

if [ "$faults" -ne 0 ]; then
    echo "text: $faults wrong"
    exit 1
fi
echo "text: $files files are tidy"
