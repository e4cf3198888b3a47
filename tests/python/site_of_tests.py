"""What the live tests stand on: a real parkserver and processes around it. All end with the test."""

import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "lib" / "python"))
PATIENCE = 60


def program(name):
    """A program that was built: in MAUS_BIN, or the newest of the build folders."""
    folders = [os.environ["MAUS_BIN"]] if "MAUS_BIN" in os.environ else \
        sorted((str(each) for each in ROOT.glob("build/*/bin")), key=os.path.getmtime, reverse=True)
    for folder in folders:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    raise unittest.SkipTest(f"{name} is not built (MAUS_BIN tells where it is)")


def eventually(condition, what="it"):
    """Waits for a condition; fails after a minute."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come")
        time.sleep(0.01)


class Site(unittest.TestCase):
    def setUp(self):
        self.processes = []
        self.park, self.endpoint = self.start_park("tcp://127.0.0.1:*")

    def start_park(self, bind):
        made = self.start(program("maus-parkserver"), "--bind", bind, "--log-level", "warning", out=subprocess.PIPE)
        line = made.stdout.readline().decode()
        return made, re.search(r"(?:tcp|ipc)://\S+", line).group(0)

    def start(self, *command, out=subprocess.DEVNULL):
        made = subprocess.Popen(command, stdout=out, stderr=None if os.environ.get("MAUS_LOUD") else subprocess.DEVNULL)
        self.processes.append(made)
        self.addCleanup(self.end, made)
        return made

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()

    def worker(self, type_name="zoo", concurrency=1, endpoint=None):
        return self.start(sys.executable, str(HERE / "zoo_worker.py"), endpoint or self.endpoint, type_name, str(concurrency))

    def maus(self, *arguments, given=""):
        made = subprocess.run([program("maus"), arguments[0], "--parkserver", self.endpoint, *arguments[1:]],
                              capture_output=True, text=True, timeout=PATIENCE, input=given)
        return made.returncode, made.stdout.strip(), made.stderr.strip()

    def script(self, code):
        """A Python program that finds the package."""
        return self.start(sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'lib' / 'python')!r})\n{code}")

    def manager(self, **options):
        import maus
        made = maus.Manager(options.pop("endpoint", self.endpoint), **options)
        self.addCleanup(self.stop, made)
        return made

    def stop(self, manager):
        manager.stop()
        self.assertIsNone(manager._io.failure)
