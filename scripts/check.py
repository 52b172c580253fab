"""`python scripts/check.py` is `tfqnoise check`; --help lists its flags."""

import sys

from tfqnoise.cli import run_command

if __name__ == "__main__":
    sys.exit(run_command("check"))
