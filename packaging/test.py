"""Runs the tests: `python3 packaging/test.py [arguments of pytest]`.

Without arguments all but the slow ones, on two processes. `--prepare-only` makes the environment and stops.
Arguments of one's own win: `python3 packaging/test.py -m slow`, `-n 0`, a file, …
"""

from __future__ import annotations

import os
import sys

from run import ROOT, become, prepare

if __name__ == "__main__":
    prepare("[dev]")
    if sys.argv[1:] != ["--prepare-only"]:
        os.chdir(ROOT)
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        become(["-m", "pytest", "-n", "2", "-m", "not slow", *sys.argv[1:]])
