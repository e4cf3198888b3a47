#!/usr/bin/env python3
"""What the compiler says of programs that are wrong.

Each .cpp here but right.cpp is wrong in one way, and its first line is `// ` and the message that our
headers have for that. It must stand in the compiler's first error, for g++ and (where it is there)
clang++. right.cpp must compile.

    tests/compile/run.py COMPILER [--include FOLDER]... [FILE...]
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent


def compile(compiler, includes, source):
    command = [compiler, "-std=c++20", "-fsyntax-only", "-fdiagnostics-color=never"]
    command += [word for each in includes for word in ("-I", each)] + [str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stderr


def complaint_about(compiler, includes, source):
    wanted = source.read_text().splitlines()[0].removeprefix("// ")
    code, said = compile(compiler, includes, source)
    if source.stem == "right":
        return None if code == 0 else f"{source.name} does not compile:\n{said}"
    if code == 0:
        return f"{source.name} compiles"
    first = next((line for line in said.splitlines() if "error:" in line), "")
    if wanted in first:
        return None
    return f"{source.name}: the first error is\n  {first}\nand not\n  {wanted}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("compiler")
    parser.add_argument("--include", action="append", default=[])
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    given = parser.parse_intermixed_args()
    sources = given.files or sorted(here.glob("*.cpp"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda each: complaint_about(given.compiler, given.include, each), sources)
        complaints = [each for each in found if each]
    print("\n".join(complaints) if complaints else f"{len(sources)} programs, as expected")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
