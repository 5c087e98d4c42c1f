"""`python -m tests.hostile.injections [--only NAME] [--jobs 2]`: plays all cases and prints what was seen."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.hostile.injections.families import CASES
from tests.hostile.injections.runner import Played, play


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.injections", description=__doc__)
    parser.add_argument("--only", default="", metavar="NAME", help="cases whose name holds this")
    parser.add_argument("--after", default="", metavar="NAME", help="cases from this one on")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    parser.add_argument("--keep", action="store_true", help="leave the worlds for a look")
    parser.add_argument("--tell", action="store_true", help="print what the command said")
    given = parser.parse_args()
    cases = [case for case in CASES if given.only in case.name]
    if shutil.which("bwrap") is None:
        print("Skipped: bubblewrap is missing, and these texts would be obeyed with your rights.")
        return 0
    names = [case.name for case in cases]
    cases = cases[names.index(given.after) :] if given.after else cases
    began = time.monotonic()
    with ThreadPoolExecutor(given.jobs) as pool:
        played = list(pool.map(lambda case: _told(play(case, keep=given.keep), tell=given.tell), cases))
    bad = [one for one in played if one.effects or one.unreal]
    print(f"{len(played)} cases, {len(bad)} of them bad, in {time.monotonic() - began:.0f} s")
    return 1 if bad or not played else 0


def _told(one: Played, *, tell: bool) -> Played:
    """Prints a row as soon as there is one."""
    hole = next(case.hole for case in CASES if case.name == one.name)
    state = (
        "hole"
        if hole and (one.effects or one.unreal)
        else "effects"
        if one.effects
        else "unreal"
        if one.unreal
        else "none"
    )
    print(f"{one.name:44} {state:8} {one.seconds:5.1f} s", flush=True)
    for line in (*one.effects, *(f"(unreal) {line}" for line in one.unreal)):
        print(f"    {line[:1500]}", flush=True)
    if tell:
        print("\n".join(f"    | {line}" for line in one.told.splitlines()), flush=True)
    return one


if __name__ == "__main__":
    sys.exit(main())
