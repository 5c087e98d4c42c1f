"""Sandboxes to test: a user's place on the disk, and how its processes are found."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from gastown_desktop.adapters.processes import LocalLauncher, start_time
from gastown_desktop.adapters.sandbox import (
    Bubblewrap,
    Limits,
    Unconfined,
)
from gastown_desktop.engine.process_ports import Confinement

S = 20.0
CANARY = "sk-canary-1234567890"
OWN = os.getpid()
"""Tells this process's sleeps from those of tests that run beside it."""


class Place:
    """A user's HOME with secrets and a checkout, a rig's objects, and a slot."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home of Zoë"
        self.checkout = self.home / "src" / "my projéct"
        self.slot = root / "wt" / "ab12cd" / "nux"
        self.objects = root / "data" / "rigs" / "ab12cd" / "town.git" / "objects"
        self.scratch = root / "scratch"
        for folder in (self.checkout, self.slot, self.objects, self.home / ".ssh", self.home / ".aws"):
            folder.mkdir(parents=True)
        (self.checkout / "private.txt").write_text("only the user's")
        (self.home / ".ssh" / "id_ed25519").write_text(CANARY)
        (self.home / ".aws" / "credentials").write_text(CANARY)
        (self.slot / "file.txt").write_text("of the slot\n")

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "ANTHROPIC_API_KEY": CANARY}

    def confinement(self, **options: object) -> Confinement:
        return Confinement(slot=self.slot, seen_at=self.checkout, **options)  # type: ignore[arg-type]


def make(kind: str, launcher: LocalLauncher, place: Place, limits: Limits | None = None):
    if kind == "unconfined":
        return Unconfined(
            launcher, place.scratch, limits=limits, environment=place.environment, home=place.home
        )
    return Bubblewrap(
        launcher,
        Path(shutil.which("bwrap") or ""),
        place.home,
        place.objects,
        place.scratch,
        version="0.8.0",
        limits=limits,
        environment=place.environment,
    )


def processes_with(word: str) -> list[int]:
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if word.encode() in command and start_time(int(folder.name)) is not None:
            found.append(int(folder.name))
    return found


async def until_processes(word: str, *, run: bool) -> None:
    async with asyncio.timeout(10):
        while True:
            if bool(processes_with(word)) == run:
                return
            await asyncio.sleep(0.01)
