"""`pip install ./lib/python` gives the package; so does the plain folder on the path."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "lib" / "python"
SAYS = "import maus; print(maus.__file__, maus.Worker.__name__)"


class Package(unittest.TestCase):
    def run_python(self, *arguments, **more):
        return subprocess.run([sys.executable, "-B", *arguments], capture_output=True, text=True, timeout=300, **more)

    def test_pip_install(self):
        tools = self.run_python("-c", "import setuptools as s, pip, wheel; assert int(s.__version__.split('.')[0]) >= 61")
        self.assertEqual(tools.returncode, 0, "pip, wheel and setuptools are needed: bin/setup installs them")
        with tempfile.TemporaryDirectory() as folder:
            source = folder + "/source"  # pip leaves files beside what it builds
            shutil.copytree(FOLDER, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
            made = self.run_python("-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
                                   "--no-build-isolation", "--target", folder + "/there", source)
            self.assertEqual(made.returncode, 0, made.stderr)
            said = self.run_python("-c", SAYS, cwd=folder, env={"PYTHONPATH": folder + "/there"})
            self.assertEqual(said.stdout.split(), [folder + "/there/maus/__init__.py", "Worker"], said.stderr)
            installed = {str(each.relative_to(folder + "/there/maus")) for each in
                         pathlib.Path(folder + "/there/maus").rglob("*.py")}
            self.assertEqual(installed, {str(each.relative_to(FOLDER / "maus")) for each in (FOLDER / "maus").rglob("*.py")})

    def test_plain_folder(self):
        said = self.run_python("-c", SAYS, env={"PYTHONPATH": str(FOLDER)})
        self.assertEqual(said.stdout.split(), [str(FOLDER / "maus/__init__.py"), "Worker"], said.stderr)


if __name__ == "__main__":
    unittest.main()
