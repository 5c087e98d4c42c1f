"""Plays one case: the control first, which must have the effect, then the way through the program."""

from __future__ import annotations

import asyncio
import inspect
import shutil
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.hostile.repositories.case import Act, Case
from tests.hostile.repositories.families import BY_NAME
from tests.hostile.repositories.ground import Ground
from tests.hostile.repositories.oracle import harm


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How a case went."""

    name: str
    control: list[str]
    """The effect where nothing protects."""
    effects: list[str]
    """What happened through the program and must not."""
    unreal: list[str]
    """Why it proves nothing."""
    seconds: float
    lacks: str = ""
    """A program without which it cannot be played here."""

    @property
    def bad(self) -> bool:
        """Whether something is wrong with the program or with the case."""
        return bool(self.effects or self.unreal)


def play_named(names: tuple[str, ...], keep: bool) -> list[Played]:
    """Plays cases that share a way, or one alone, in a process that was started for them."""
    return play([BY_NAME[name] for name in names], keep=keep)


def play(cases: Sequence[Case], *, keep: bool = False) -> list[Played]:
    """Plays each control on a ground of its own, then the program on one that all share."""
    lacks = {
        case.name: next((name for name in case.needs if shutil.which(name) is None), "") for case in cases
    }
    whole = [case for case in cases if not lacks[case.name]]
    controls = [_control(case, keep=keep) for case in whole]
    played = [
        Played(name=case.name, control=[], effects=[], unreal=[], seconds=0.0, lacks=lacks[case.name])
        for case in cases
        if lacks[case.name]
    ]
    if not whole:
        return played
    began = time.monotonic()
    unreal: list[str] = []
    effects = _side(whole, whole[0].program, keep=keep, unreal=unreal, through_program=True)
    seconds = (time.monotonic() - began) / len(whole)
    for control in controls:
        of_others = {one.name for one in whole} - {control.name}
        own = [line for line in effects if not any(f"planted-{name}-" in line for name in of_others)]
        played.append(
            replace(
                control, effects=own, unreal=[*control.unreal, *unreal], seconds=control.seconds + seconds
            )
        )
    return played


def _control(case: Case, *, keep: bool) -> Played:
    began = time.monotonic()
    unreal: list[str] = []
    control = _side([case], case.control, keep=keep, unreal=unreal)
    if not control and not unreal:
        unreal.append("the control has no effect")
    return Played(
        name=case.name, control=control, effects=[], unreal=unreal, seconds=time.monotonic() - began
    )


def _side(
    cases: Sequence[Case], act: Act, *, keep: bool, unreal: list[str], through_program: bool = False
) -> list[str]:
    """One of the two; returns its effects."""
    ground = Ground()
    side = "program" if through_program else "control"
    try:
        with ground.at_home():
            try:
                for case in cases:
                    ground.attack = case.name
                    case.plant(ground)
                ground.settle()
            except Exception:  # noqa: BLE001 - whatever it is, the case tells it
                unreal.append(f"planting for the {side}: {traceback.format_exc()}")
                return []
            try:
                _do(act, ground)
            except Exception:  # noqa: BLE001 - the same
                unreal.append(f"{side}: {traceback.format_exc()}")
            found = [line for case in cases for line in case.look(ground)]
            found += harm(ground) if through_program else ()
    finally:
        if keep:
            print(f"{cases[0].name} ({side}) is in {ground.root}", file=sys.stderr)
        else:
            ground.close()
    return list(dict.fromkeys(found))


def _do(act: Act, ground: Ground) -> None:
    done = act(ground)
    if inspect.isawaitable(done):

        async def awaited() -> None:
            await done

        asyncio.run(awaited())
