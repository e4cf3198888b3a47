#!/usr/bin/env python3
"""Plants bugs: writes a copy of the machines that has every mutant of *.txt in it, each asleep.

    plant.py --root SOURCE_TREE --out FOLDER FILE...    writes FOLDER/FILE.cpp and FOLDER/planted.cpp
    plant.py --list                                         prints the mutants' names

A mutant is a text that stands in a source file once, and what is to stand there instead. In the copy
both are there, and the environment variable MAUS_MUTANT chooses by name which of the mutants is awake;
so one build serves all of them. A header that has mutants is written to FOLDER/include, which has to
stand before its own folder among those that are searched. A mutant whose text is not found, or more than once, is an error.
"""
import argparse
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent


class Mutant:
    def __init__(self, name, spec):
        self.name, self.spec = name, spec
        self.what, self.file, self.after, self.old, self.new = '', '', '', '', ''


def fail(text):
    sys.exit(f'plant.py: {text}')


def read_specs():
    """The blocks of all *.txt here; README.md tells what they look like."""
    mutants = []
    for spec in sorted(HERE.glob('*.txt')):
        if spec.name == 'seeds.txt':
            continue
        file = ''
        for number, line in enumerate(spec.read_text().splitlines(), 1):
            kind, _, text = line.partition(' ')
            here = mutants[-1] if mutants and mutants[-1].spec == spec.name else None
            if not line.strip() or kind == '#':
                continue
            if kind == 'file':
                file = text.strip()
            elif kind == 'mutant':
                mutants.append(Mutant(text.strip(), spec.name))
                mutants[-1].file = file
            elif here is None:
                fail(f'{spec.name}:{number}: a mutant begins with "mutant NAME"')
            elif kind == 'what':
                here.what += text
            elif kind == 'after':
                here.after = text
            elif kind == '-':
                here.old += text + '\n'
            elif kind == '+':
                here.new += text + '\n'
            else:
                fail(f'{spec.name}:{number}: "{kind}" is none of file, mutant, what, after, -, +')
    names = [each.name for each in mutants]
    for name in names:
        if names.count(name) > 1:
            fail(f'two mutants are called {name}')
    return mutants


def pattern(text):
    """Finds the text however it is broken into lines."""
    return re.compile(r'\s+'.join(re.escape(word) for word in text.split()))


def place(mutant, source):
    """Where the mutant's text stands: (begin, end)."""
    begin = 0
    if mutant.after:
        anchors = list(pattern(mutant.after).finditer(source))
        if len(anchors) != 1:
            fail(f'{mutant.name}: "{mutant.after}" stands {len(anchors)} times in {mutant.file}')
        begin = anchors[0].end()
    found = list(pattern(mutant.old).finditer(source, begin))
    if not found or (len(found) > 1 and not mutant.after):
        fail(f'{mutant.name}: its text stands {len(found)} times in {mutant.file}; mend '
             f'tests/sim/mutants/{mutant.spec}')
    return found[0].span()


def plant(source, mutants, numbers):
    spots = {}
    for mutant in mutants:
        spots.setdefault(place(mutant, source), []).append(mutant)
    ordered = sorted(spots)
    for one, other in zip(ordered, ordered[1:]):
        if one[1] > other[0]:
            fail(f'{spots[one][0].name} and {spots[other][0].name} overlap but are not the same text')
    for begin, end in reversed(ordered):
        text = source[begin:end]
        for mutant in spots[(begin, end)]:
            test = f'::maus_mutant == {numbers[mutant.name]}'
            new = mutant.new.strip()
            if mutant.old.strip().endswith((';', '}')):
                text = f'if ({test}) {{ {new} }} else {{ {text} }}'
            else:
                text = f'({test} ? ({new}) : ({text}))'
        source = source[:begin] + text + source[end:]
    return source


SELECTOR = '''// Made by tests/sim/mutants/plant.py: which planted bug is awake. 0: none.
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {
constexpr const char* names[] = {%s};
int chosen() {
    const char* wanted = std::getenv("MAUS_MUTANT");
    if (wanted == nullptr) return 0;
    int number = 0;
    for (const char* name : names) {
        ++number;
        if (std::strcmp(name, wanted) == 0) return number;
    }
    std::fprintf(stderr, "MAUS_MUTANT: there is no mutant called %%s\\n", wanted);
    std::exit(2);
}
}  // namespace

int maus_mutant = chosen();
'''


def main():
    options = argparse.ArgumentParser(description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--list', action='store_true')
    options.add_argument('--root', type=pathlib.Path)
    options.add_argument('--out', type=pathlib.Path)
    options.add_argument('files', nargs='*')
    wanted = options.parse_args()
    mutants = read_specs()
    if wanted.list:
        for each in mutants:
            print(f'{each.name}\t{each.what}')
        return
    numbers = {each.name: number for number, each in enumerate(mutants, 1)}
    for each in mutants:
        if each.file not in wanted.files:
            fail(f'{each.name} is about {each.file}, which is not among the files that are given')
    for file in wanted.files:
        source = (wanted.root / file).read_text()
        here = [each for each in mutants if each.file == file]
        if file.endswith('.hpp'):
            if not here:
                continue
            target = wanted.out / 'include' / pathlib.Path(file).relative_to('lib')
        else:
            target = wanted.out / pathlib.Path(file).name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f'extern int maus_mutant;\n#line 1 "{wanted.root / file}"\n' +
                          plant(source, here, numbers))
    quoted = ', '.join(f'"{each.name}"' for each in mutants)
    (wanted.out / 'planted.cpp').write_text(SELECTOR % quoted)


if __name__ == '__main__':
    main()
