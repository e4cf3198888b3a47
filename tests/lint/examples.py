#!/usr/bin/env python3
"""The README's C++ examples are code that runs: each stands, line for line, in a test.

  tests/lint/examples.py [ROOT]        check the tree
  tests/lint/examples.py --self-test   change examples; each must be found

Blocks that begin with a file's name (// worker.cpp) are whole programs, which tests/consumer/run.sh builds and
runs, and so does it the one that loops for ever. The others must stand in tests/live/readme_test.cpp, however
far indented.
"""
import pathlib
import re
import sys

BLOCK = re.compile(r'^```cpp\n(.*?)^```$', re.S | re.M)
WHOLE = re.compile(r'// \w+\.cpp')
TEST = 'tests/live/readme_test.cpp'


def lines_of(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def stands_in(part, whole):
    return any(whole[at:at + len(part)] == part for at in range(len(whole) - len(part) + 1))


def missing(readme, test):
    """The first lines of the examples that no test has."""
    there = lines_of(test)
    blocks = [block for block in BLOCK.findall(readme) if not WHOLE.match(block) and 'for (;;)' not in block]
    if not blocks:
        return ['(no example at all)']
    return [lines_of(block)[0] for block in blocks if not stands_in(lines_of(block), there)]


def self_test(readme, test):
    blocks = [block for block in BLOCK.findall(readme) if not WHOLE.match(block) and 'for (;;)' not in block]
    for block in blocks:
        last = lines_of(block)[-1]
        changed = readme.replace(block, block.replace(last, last + ' // changed'))
        if missing(changed, test) != [lines_of(block)[0]]:
            sys.exit(f'examples: not found: a change in the example that begins with {lines_of(block)[0]}')
    print(f'examples: {len(blocks)} changes found')


def main():
    arguments = [each for each in sys.argv[1:] if each != '--self-test']
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).resolve().parents[2])
    readme, test = (root / 'README.md').read_text(), (root / TEST).read_text()
    if '--self-test' in sys.argv:
        return self_test(readme, test)
    for each in missing(readme, test):
        print(f'README.md: the example that begins with "{each}" is not in {TEST}')
    sys.exit(1 if missing(readme, test) else 0)


if __name__ == '__main__':
    main()
