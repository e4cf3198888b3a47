#!/usr/bin/env python3
"""Runs the tests of lib/python: run.py [-v] [-f] [-k PATTERN]. MAUS_BIN is the folder of the programs."""

import faulthandler
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "lib" / "python")]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2] + [os.environ.get("PYTHONPATH", "")])

if __name__ == "__main__":
    faulthandler.dump_traceback_later(int(os.environ.get("MAUS_TEST_SECONDS", "600")), exit=True)  # a test that hangs
    unittest.main(module=None, argv=[sys.argv[0], "discover", "-s", str(HERE), *sys.argv[1:]])
