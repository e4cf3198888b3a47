#!/usr/bin/env python3
"""What the compiler says of programs that are wrong.

Each .cpp here but right.cpp is wrong in one way, and its first line is `// ` and the message that our
headers have for that. It must stand in the compiler's first error, for g++ and (where it is there)
clang++. right.cpp must compile. A file with the line `// g++ only` is left out with others.

    tests/compile/run.py COMPILER [--include FOLDER]... [FILE...]

<maus/maus.hpp> is read once, into a precompiled header: there are many programs.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent


def run(compiler, includes, *rest):
    command = [compiler, "-std=c++20", "-fdiagnostics-color=never"]
    command += [word for each in includes for word in ("-I", str(each))] + [str(word) for word in rest]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stderr


def precompile(compiler, includes, folder):
    """What makes the compiler use it: g++ takes a .gch that it meets in the place of a header."""
    is_clang = "clang" in pathlib.Path(compiler).name
    made = folder / "maus" / ("maus.hpp.pch" if is_clang else "maus.hpp.gch")
    made.parent.mkdir()
    header = folder / "all.hpp"
    header.write_text("#include <maus/maus.hpp>\n")
    found = [each for each in includes if (pathlib.Path(each) / "maus" / "maus.hpp").exists()]
    source = header if is_clang else pathlib.Path(found[0]) / "maus" / "maus.hpp"
    code, said = run(compiler, includes, "-x", "c++-header", source, "-o", made)
    if code != 0:
        sys.exit(f"maus/maus.hpp does not compile:\n{said}")
    return ["-include-pch", made] if is_clang else ["-I", folder]


def complaint_about(compiler, includes, precompiled, source):
    wanted = source.read_text().splitlines()[0].removeprefix("// ")
    code, said = run(compiler, [], *precompiled, *[f"-I{each}" for each in includes], "-fsyntax-only", source)
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
    if "clang" in pathlib.Path(given.compiler).name:
        sources = [each for each in sources if "\n// g++ only" not in each.read_text()]
    with tempfile.TemporaryDirectory(prefix="maus-compile.") as folder:
        precompiled = precompile(given.compiler, given.include, pathlib.Path(folder))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            found = pool.map(
                lambda each: complaint_about(given.compiler, given.include, precompiled, each), sources
            )
            complaints = [each for each in found if each]
    print("\n".join(complaints) if complaints else f"{len(sources)} programs, as expected")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
