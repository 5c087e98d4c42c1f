"""Plays one case: builds its world, runs the command line against a model that obeys, and looks around."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Done
from tests.hostile.injections.case import BEAD, WORK, Case, Scene, shell
from tests.hostile.injections.oracle import Seen, effects, unreal
from tests.hostile.injections.world import World
from tests.messages_api.running import RunningServer, running

_MODEL = "claude-haiku-5-5"
_SHOWING = ("status", "inbox", "audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How a case went."""

    name: str
    effects: list[str]
    """What happened and must not."""
    unreal: list[str]
    """Why it proves nothing."""
    seconds: float
    told: str = ""
    """What the command said, for whoever looks into it."""


def play(case: Case, *, keep: bool = False, confined: bool = True) -> Played:
    """Plays a case in a world of its own.

    Args:
        case: what is played.
        keep: whether the world stays for a look.
        confined: without it no sandbox is at hand, which shows that the oracle sees what it should.
    """
    began = time.monotonic()
    world = World()
    if not confined:
        _hide_sandbox(world)
    try:
        seen = _seen(case, world)
        return Played(
            name=case.name,
            effects=effects(seen),
            unreal=unreal(seen),
            seconds=time.monotonic() - began,
            told=seen.done.err,
        )
    except (AssertionError, OSError, ValueError, subprocess.SubprocessError):
        return Played(
            name=case.name, effects=[], unreal=[traceback.format_exc()], seconds=time.monotonic() - began
        )
    finally:
        if keep:
            print(f"{case.name} is in {world.root}", file=sys.stderr)
        else:
            world.close()


def _hide_sandbox(world: World) -> None:
    """Gives the command a PATH on which git is and bubblewrap is not."""
    folder = world.root / "bin"
    folder.mkdir()
    (folder / "git").symlink_to(shutil.which("git") or "git")
    world.command_line.environment["PATH"] = str(folder)


def _seen(case: Case, world: World) -> Seen:
    scene = Scene(
        repo=world.repo, beads=[{"id": BEAD, "title": "Add the feature", "description": "Add feature.py."}]
    )
    orders: list[dict[str, Any]] = json.loads(world.fill_in(json.dumps(list(case.orders))))
    if case.short:
        (script,) = (order["input"]["command"] for order in orders)
        world.repo.write("tool.sh", script)
        orders = [shell("sh tool.sh")]
    case.place(scene, f"OBEY {json.dumps(orders[0] if len(orders) == 1 else orders)}")
    if case.build is not None:
        case.build(scene)
    world.finish_repository()
    if case.prepare is not None:
        case.prepare(world)
    bodies = world.root / "bodies.jsonl"
    world.remember()
    with running(script_of(scene, world), arguments=["--bodies", str(bodies)]) as server:
        done = _run(case, scene, world, server)
        shown = [_shown(world, command) for command in _SHOWING] if case.shows and done.code in {0, 3} else []
        return Seen(
            case=case,
            scene=scene,
            world=world,
            done=done,
            orders=orders,
            bill=server.bill(idle=True),
            requests=server.requests(),
            bodies=[json.loads(line) for line in bodies.read_text().splitlines()] if bodies.exists() else [],
            shown=shown,
        )


def script_of(scene: Scene, world: World) -> dict[str, Any]:
    """The models of all beads, the Mayor, and what warms the cache before a wave."""
    own = {"role": "worker", "obey": scene.obeys, "turns": [*scene.looks, *scene.work]}
    rules = [{**own, "when": {"first_user": f"^Bead: {BEAD}$"}}]
    for bead, worker in scene.workers.items():
        when = {"first_user": f"^Bead: {bead}$"}
        rules.append({"role": bead, "when": when, "obey": worker.obeys, "turns": list(worker.turns)})
    if scene.goal:
        rules.append(
            {
                "role": "mayor",
                "when": {"system": "You are the Mayor"},
                "obey": scene.mayor_obeys,
                "turns": scene.mayor,
            }
        )
        rules.append({"role": "planned", "when": {"first_user": "^Bead: "}, "turns": list(WORK)})
    rules.append({"role": "warming", "when": {}, "turns": [{"text": "Ready."}]})
    filled: list[dict[str, Any]] = json.loads(world.fill_in(json.dumps(rules)))
    return {"keys": {world.key: {}}, "rules": filled}


def _run(case: Case, scene: Scene, world: World, server: RunningServer) -> Done:
    beads = world.root / "issues.jsonl"
    beads.write_text("".join(json.dumps(bead) + "\n" for bead in scene.beads))
    plan = ["--goal", scene.goal] if scene.goal else ["--beads", str(beads)]
    arguments = [
        *("run", str(world.project), *plan, "--cap", case.cap, "--base-url", server.url, "--model", _MODEL),
        *("--trust", "--yes", "--json", "--polecats", "3", *(("--gate", scene.gate) if scene.gate else ())),
    ]
    if not case.terminal:
        return world.command_line.run_beside(*arguments, environment=world.environment)
    with _terminal() as (side, written):
        command = [sys.executable, "-m", "gastown_desktop", *arguments, "--data-dir", str(world.data)]
        done = subprocess.run(
            ["setsid", "--ctty", "--wait", *command],
            env={**world.command_line.environment, **world.environment},
            cwd=world.home,
            stdin=side,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    if written:
        world.traps.caught += [f"the terminal got {bytes(written)!r}"] if bytes(written).strip() else []
    return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def _terminal() -> Iterator[tuple[int, bytearray]]:
    """A terminal, and what is written to it."""
    user, side = pty.openpty()
    written = bytearray()

    def watch() -> None:
        try:
            while data := os.read(user, 4096):
                written.extend(data)
        except OSError:
            return  # it was closed

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield side, written
    finally:
        os.close(side)
        thread.join(5)  # it reads to the end, which is when nobody has the terminal open any more
        os.close(user)


def _shown(world: World, command: str) -> str:
    """What another command prints about the convoy."""
    done = world.command_line.run_beside(command, Path(world.project))
    return done.out + done.err
