"""`python -m tests.mutants`: tries all mutants; ends with 1 when a test should have noticed one."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.mutants.money import MONEY
from tests.mutants.mutant import copy_tree, survives
from tests.mutants.work import WORK


def main() -> int:
    """Tries them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="those whose name holds this")
    given = parser.parse_args()
    chosen = [mutant for mutant in (*MONEY, *WORK) if given.only in mutant.name]
    alive = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        copy_tree(Path(name))
        for mutant in chosen:
            why = survives(mutant, Path(name))
            alive += bool(why)
            print(f"{'ALIVE ' if why else 'caught'} {mutant.name}{f': {why}' if why else ''}", flush=True)
    print(f"{len(chosen)} mutants, {alive} alive")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
