"""`python -m tfqnoise`."""

import subprocess
import sys

from tfqnoise import __version__


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "tfqnoise", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"tfqnoise {__version__}\n"
