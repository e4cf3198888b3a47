#!/bin/sh
# Holds the files of tests/golden to what they were when they were added (tests/golden/README.md).
#
#   tests/lint/golden.sh [ROOT]        check the tree
#   tests/lint/golden.sh --add         add new files to MANIFEST
#   tests/lint/golden.sh --self-test   change, remove and add files of a copy; each must be found
set -eu

names() { find . -name '*.hex' | LC_ALL=C sort; }

check() (
    cd "$1/tests/golden"
    sha256sum --check --quiet --strict MANIFEST || { echo "golden: a file was changed or removed"; exit 1; }
    listed=$(sed 's/^[0-9a-f]*  //' MANIFEST | LC_ALL=C sort)
    [ "$listed" = "$(names)" ] || { echo "golden: a file is not in MANIFEST (golden.sh --add)"; exit 1; }
    echo "golden: $(names | wc -l) files are what they were"
)

add() (
    cd "$1/tests/golden"
    for name in $(names); do
        grep -qF "  $name" MANIFEST || sha256sum "$name" >> MANIFEST
    done
)

self_test() {
    copy=$(mktemp -d)
    trap 'rm -rf "$copy"' EXIT
    fresh() { rm -rf "$copy/tests"; mkdir "$copy/tests"; cp -R "$1/tests/golden" "$copy/tests"; }
    must_fail() { if check "$copy" > /dev/null 2>&1; then echo "golden: not found: $1"; exit 1; fi; }
    fresh "$1"; check "$copy" > /dev/null
    echo "# more" >> "$copy/tests/golden/values/bool.hex"; must_fail "a changed file"
    fresh "$1"; rm "$copy/tests/golden/values/bool.hex"; must_fail "a removed file"
    fresh "$1"; echo "00" > "$copy/tests/golden/values/new.hex"; must_fail "a file that is not listed"
    fresh "$1"; sed -i '$d' "$copy/tests/golden/MANIFEST"; must_fail "a line removed from MANIFEST"
    echo "golden: all four were found"
}

root=$(cd "$(dirname "$0")/../.." && pwd)
case "${1:-}" in
    --add) add "$root" ;;
    --self-test) self_test "$root" ;;
    *) check "${1:-$root}" ;;
esac
