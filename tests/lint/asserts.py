#!/usr/bin/env python3
"""Every test asserts something: finds test cases in which no CHECK or REQUIRE can be reached.

  tests/lint/asserts.py [ROOT]        check the tree
  tests/lint/asserts.py --self-test   plant test cases without assertions; each must be found

A test case asserts if its body has an assertion, or the name of a function or a constructor of the
tests that asserts.
"""
import pathlib
import re
import sys

ASSERTION = re.compile(r'\b(?:STATIC_)?(?:CHECK|REQUIRE|FAIL)(?:_\w+)?\s*\(')
TEST = re.compile(r'\b(?:TEMPLATE_(?:PRODUCT_|LIST_)?)?(?:TEST_CASE|SCENARIO)(?:_METHOD|_SIG)?\s*\(')
NOT_COUNTED = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
# What may stand between a function's parameters and its body.
AFTER_PARAMETERS = re.compile(r'\)\s*(?:const|noexcept|override|final|mutable|&|\s|->\s*[\w:<>,&*\s]+'
                              r'|:\s*\w+[^;{}]*(?:\{[^{}]*\}[^;{}]*)*)*\{')
KEYWORDS = {'if', 'for', 'while', 'switch', 'catch', 'return', 'TEST_CASE'}


def code_of(text):
    """The text without comments and strings, every line where it was."""
    def blank(found):
        return re.sub(r'[^\n]', ' ', found[0])
    return NOT_COUNTED.sub(blank, text)


def closing(code, at, pair):
    """Where what opens at `at` is closed."""
    depth = 0
    for i in range(at, len(code)):
        depth += (code[i] == pair[0]) - (code[i] == pair[1])
        if depth == 0:
            return i
    return len(code) - 1


def block_after(code, at):
    begin = code.find('{', at)
    return code[begin:closing(code, begin, '{}') + 1] if begin >= 0 else ''


def functions(code):
    """(name, body) of each function and constructor, more or less."""
    for found in re.finditer(r'([\w~]+)\s*\(', code):
        end = closing(code, found.end() - 1, '()')
        after = AFTER_PARAMETERS.match(code, end)
        if after and found[1] not in KEYWORDS and not TEST.match(code, found.start()):
            begin = after.end() - 1
            yield found[1], code[begin:closing(code, begin, '{}') + 1]


def asserting(bodies):
    """The names of those that assert, or call one that does."""
    names = {name for name, body in bodies if ASSERTION.search(body)}
    while True:
        word = re.compile(r'\b(?:' + '|'.join(map(re.escape, names)) + r')\b') if names else None
        more = {name for name, body in bodies if word and name not in names and word.search(body)}
        if not more:
            return names
        names |= more


def tests(text, code):
    for found in TEST.finditer(code):
        end = closing(code, found.end() - 1, '()')
        title = re.search(r'"((?:\\.|[^"\\])*)"', text[found.start():end])
        yield code.count('\n', 0, found.start()) + 1, title[1] if title else '?', block_after(code, end)


def check(root):
    """[(file, line, title)] of the tests that assert nothing, and how many tests there are."""
    # Apart from main(), which asserts nothing itself.
    files = {path: path.read_text() for path in sorted((root / 'tests').rglob('*.[ch]pp'))}
    codes = {path: code_of(text) for path, text in files.items()}
    # A helper of one folder may have the name of anything in another.
    found, count = [], 0
    for folder in sorted({path.parent for path in files}):
        near = [path for path in files if path.parent in (folder, root / 'tests' / 'support')]
        names = asserting([each for path in near for each in functions(codes[path])]) - {'main'}
        helper = re.compile(r'\b(?:' + '|'.join(map(re.escape, names)) + r')\b') if names else None
        for path in (each for each in near if each.parent == folder):
            for line, title, body in tests(files[path], codes[path]):
                count += 1
                if not ASSERTION.search(body) and not (helper and helper.search(body)):
                    found.append((path.relative_to(root), line, title))
    return found, count


def self_test():
    import tempfile
    good = '''
void right(int x) { CHECK(x == 1); }
struct checked { checked() : made{1} { REQUIRE(made == 1); } int made; };
TEST_CASE("one") { CHECK(true); }
TEST_CASE("two") { right(1); }
TEST_CASE("three") { checked all; }
TEST_CASE("four") { const auto check = [&](int x) { REQUIRE_FALSE(x); }; check(0); }
TEST_CASE("five") { CHECK_THROWS_AS(f(), int); }
void again() { if (true) { right(1); } }
TEST_CASE("six") { again(); }
'''
    planted = {
        'empty': 'TEST_CASE("planted") {}',
        'only calls': 'TEST_CASE("planted") { int x = 1; (void)x; run(x); }',
        'an assertion in a comment': 'TEST_CASE("planted") { run(); /* CHECK(x); */ // CHECK(x);\n}',
        'an assertion in a string': 'TEST_CASE("planted") { run("CHECK(x)"); }',
        'before one that asserts': 'TEST_CASE("planted", "[tag]") { run(); }\nTEST_CASE("x") { CHECK(1); }',
        'a helper that does not assert': 'void run() { if (x) { y(); } }\nTEST_CASE("planted") { run(); }',
    }
    missed = 0
    with tempfile.TemporaryDirectory() as temp:
        root = pathlib.Path(temp)
        (root / 'tests' / 'unit').mkdir(parents=True)
        file = root / 'tests' / 'unit' / 'some_test.cpp'
        file.write_text(good)
        if check(root) != ([], 6):
            print('asserts: good tests were refused:', check(root))
            missed += 1
        for case, text in planted.items():
            file.write_text(good + text)
            if [each[2] for each in check(root)[0]] != ['planted']:
                print('asserts: missed:', case)
                missed += 1
    if missed:
        sys.exit('asserts: self-test failed')
    print(f'asserts: all {len(planted)} planted tests were found')


def main():
    given = sys.argv[1:]
    if given == ['--self-test']:
        return self_test()
    if len(given) > 1 or (given and given[0].startswith('-')):
        print('usage: tests/lint/asserts.py [ROOT | --self-test]', file=sys.stderr)
        sys.exit(2)
    root = pathlib.Path(given[0]) if given else pathlib.Path(__file__).resolve().parents[2]
    found, count = check(root)
    for path, line, title in found:
        print(f'{path}:{line}: "{title}" asserts nothing')
    if found or not count:
        sys.exit(f'asserts: {len(found)} of {count} tests assert nothing')
    print(f'asserts: each of {count} tests asserts something')


main()
