#!/usr/bin/env python3
"""The README's C++ examples are code that runs: each stands, line for line, in a test.

  tests/lint/examples.py [ROOT]        check the tree
  tests/lint/examples.py --self-test   change examples; each must be found

Blocks that begin with a file's name (// worker.cpp), and the one that loops for ever, are programs that
tests/consumer/run.sh builds and runs. The others must stand in tests/live/readme_test.cpp, however far indented.
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


def examples_in(readme):
    return [lines_of(block) for block in BLOCK.findall(readme)
            if not WHOLE.match(block) and 'for (;;)' not in block]


def missing(readme, test):
    """The first lines of the examples that no test has."""
    examples, there = examples_in(readme), lines_of(test)
    if not examples:
        return ['(no example at all)']
    return [example[0] for example in examples if not stands_in(example, there)]


def self_test(readme, test):
    examples = examples_in(readme)
    for example in examples:
        changed = example[0] + ' // changed'
        if missing(readme.replace(example[0], changed), test) != [changed]:
            sys.exit(f'examples: not found: a change in the example that begins with {example[0]}')
    print(f'examples: {len(examples)} changes found')


def main():
    arguments = [each for each in sys.argv[1:] if each != '--self-test']
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).resolve().parents[2])
    readme, test = (root / 'README.md').read_text(), (root / TEST).read_text()
    if '--self-test' in sys.argv:
        return self_test(readme, test)
    lost = missing(readme, test)
    for each in lost:
        print(f'README.md: the example that begins with "{each}" is not in {TEST}')
    sys.exit(1 if lost else 0)


if __name__ == '__main__':
    main()
