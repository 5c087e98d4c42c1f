"""`python -m tests.hostile.repositories [--only NAME] [--jobs 2]`: plays all and prints what was seen."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from tests.hostile.repositories.families import BY_NAME, CASES
from tests.hostile.repositories.runner import Played, play_named


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.repositories", description=__doc__)
    parser.add_argument("--only", default="", metavar="NAME", help="cases whose name holds this")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    parser.add_argument("--keep", action="store_true", help="leave the grounds for a look")
    parser.add_argument("--table", action="store_true", help="print a table in Markdown at the end")
    given = parser.parse_args()
    chosen = [case for case in CASES if given.only in case.name]
    ways: dict[str, tuple[str, ...]] = {}
    for case in chosen:
        way = case.shares or f"alone {case.name}"
        ways[way] = (*ways.get(way, ()), case.name)
    began = time.monotonic()
    played: list[Played] = []
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(play_named, names, given.keep) for names in ways.values()]):
            for one in done.result():
                _tell(one)
            played += done.result()
    bad = [one for one in played if one.bad]
    if given.table:
        _table(played)
    lacking = sum(bool(one.lacks) for one in played)
    print(f"{len(played)} cases, {len(bad)} bad, {lacking} not played, in {time.monotonic() - began:.0f} s")
    return 1 if bad or not played else 0


def _tell(one: Played) -> None:
    """Prints a row."""
    state = _state(one)
    effect = one.control[0] if one.control else ""
    print(f"{one.name:38} {state:10} {one.seconds:5.1f} s  control: {effect[:110]}", flush=True)
    for line in (*one.effects, *(f"(unreal) {line}" for line in one.unreal)):
        print(f"    {line[:2500]}", flush=True)


def _state(one: Played) -> str:
    if one.lacks:
        return f"no {one.lacks}"
    if one.bad and BY_NAME[one.name].hole:
        return "hole"
    return "effects" if one.effects else "unreal" if one.unreal else "none"


def _table(played: list[Played]) -> None:
    print("| case | wish | control | through the program |\n|---|---|---|---|")
    for one in played:
        control = one.control[0][:90].replace("|", "/").replace("\n", " ") if one.control else ""
        print(f"| {one.name} | {BY_NAME[one.name].wish} | {control} | {_state(one)} |")


if __name__ == "__main__":
    sys.exit(main())
