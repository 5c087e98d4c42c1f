"""Setting up: a working folder is given out when everything that the rig says about it was done.

First the files that the user lets be copied are written, then the setup runs, in the sandbox and on the tree
that the folder holds. What it makes stays for as long as the same commands would run on the same lock files.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from gastown_desktop.core import events as ev
from gastown_desktop.core.disk_errors import disk_trouble
from gastown_desktop.core.errors import SetupFailed, ToolRefused
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.preparation import Preparation, SetupStep, setup_inputs, setup_key
from gastown_desktop.core.secrets import NO_SECRETS, Secrets
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.gates import GATE_SLOTS
from gastown_desktop.engine.git_ports import GitObjects, KeepingSlots, Slot, SlotFiles, Snapshot
from gastown_desktop.engine.process_ports import CommandResult, Confinement, Sandbox

_AT_ONCE = 4
"""Setups that run side by side: they use all of a machine's cores and its disk."""
SETUP_SAID = " It said last:\n"
"""What stands between the sentence about a failure and the end of its output."""
_TAIL_LINES = 20
_REMEMBERED_TREES = 64


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a tree says about its preparation."""

    made: str
    """Names what the setup makes of it."""
    tracked: frozenset[str]
    """Paths of copied files that are tracked in it, which is what counts then."""


class SetUpSlots:
    """Slots that are prepared (the `Slots` port), on others that are only clean."""

    def __init__(
        self,
        inner: KeepingSlots,
        preparation: Preparation,
        copies: Mapping[str, bytes],
        *,
        bus: Bus,
        objects: GitObjects,
        sandbox: Sandbox,
        confinement: Callable[[Slot], Confinement],
        files: Callable[[Slot], SlotFiles],
        log: Callable[[str], None],
        secrets: Secrets = NO_SECRETS,
    ) -> None:
        """Prepares nothing yet.

        Args:
            inner: makes and cleans the folders.
            preparation: what the user agreed to.
            copies: content of the copied files, by path.
            bus: tells when the user answered something, so that what failed is tried again.
            objects: the rig's own repository.
            sandbox: where the setup runs.
            confinement: how it sees a slot.
            files: the files of a slot.
            log: takes what the setup printed.
            secrets: values that are masked in it.
        """
        self._inner = inner
        self._preparation = preparation
        self._copies = copies
        self._objects = objects
        self._sandbox = sandbox
        self._confinement = confinement
        self._files = files
        self._log = log
        self._secrets = secrets
        self._around = _digest(sandbox.profile, copies)
        self._facts: dict[Oid, _Facts] = {}
        self._trees: defaultdict[Oid, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._some = asyncio.Semaphore(_AT_ONCE)
        self._succeeded: set[Oid] = set()
        self._failed: dict[Oid, str] = {}
        """Trees on which the setup failed for a worker: the others on them are not made to try."""
        bus.listen(self._heard)

    async def prepare(self, name: str, commit: Oid) -> Slot:
        """Gives a clean slot at a commit with the copied files, set up.

        Raises:
            SetupFailed: a command of the setup failed or took too long.
            Unusable, DiskFull, GitError: as any slot.
        """
        tree = await self._objects.tree_of(commit)
        facts = await self._facts_of(tree)
        slot = await self._inner.prepare(name, commit, made=facts.made)
        await asyncio.to_thread(self._copy, slot, facts)
        if facts.made and not await self._inner.has_made(name, facts.made):
            await self._set_up(slot, commit, tree, facts.made)
        return slot

    def slot(self, name: str) -> Slot:
        """A slot by its name, whether it exists or not."""
        return self._inner.slot(name)

    async def snapshot(self, slot: Slot) -> Snapshot:
        """Stores what the slot holds, without what was copied there or made by the setup."""
        return await self._inner.snapshot(slot)

    async def reset(self, slot: Slot, tree: Oid) -> None:
        """Makes the slot hold exactly this tree; what the setup made stays."""
        await self._inner.reset(slot, tree)

    async def remove(self, name: str) -> None:
        """Deletes a slot."""
        await self._inner.remove(name)

    async def names(self) -> list[str]:
        """Slots that exist on disk, also those of an earlier process."""
        return await self._inner.names()

    def _copy(self, slot: Slot, facts: _Facts) -> None:
        files = self._files(slot)
        for path, content in self._copies.items():
            if path not in facts.tracked:
                try:
                    files.write(path, content)
                except ToolRefused as refused:  # something of the repository stands in its way
                    if refused.__cause__ is not None and (full := disk_trouble(refused.__cause__)):
                        raise full from refused

    async def _set_up(self, slot: Slot, commit: Oid, tree: Oid, made: str) -> None:
        """Runs the setup: first once on a tree, then side by side on the same."""
        if tree not in self._succeeded:
            async with self._trees[tree]:
                if tree not in self._succeeded:
                    await self._run(slot, commit, tree, made)
                    return
        async with self._some:
            await self._run(slot, commit, tree, made)

    async def _run(self, slot: Slot, commit: Oid, tree: Oid, made: str) -> None:
        is_gate = slot.name in GATE_SLOTS
        if tree in self._failed and not is_gate:
            raise SetupFailed(self._failed[tree])
        for step in self._preparation.steps:
            confined = self._confinement(slot)
            result = await self._sandbox.run(step.command, confined, timeout_s=step.timeout_s)
            text = self._secrets.masked(result.output.decode("utf-8", "replace")).strip()
            self._log(f"{slot.name} at {commit[:10]}: {step.command}\n{text}\n{_ending(step, result)}\n")
            if result.exit_code or result.timed_out:
                tail = "\n".join(text.splitlines()[-_TAIL_LINES:])
                told = f"Setup failed: `{step.command}` {_ending(step, result)}."
                told = self._secrets.masked(told) + (f"{SETUP_SAID}{tail}" if tail else "")
                if not is_gate:
                    self._failed[tree] = told
                raise SetupFailed(told)
        removed = await self._inner.keep_made(slot, commit, made)
        if removed:
            self._log(f"{slot.name}: removed, as git does not ignore it: {', '.join(removed[:20])}\n")
        self._succeeded.add(tree)

    async def _facts_of(self, tree: Oid) -> _Facts:
        if tree not in self._facts:
            leaves = await self._objects.list_tree(tree, recursive=True)
            blobs = {leaf.path: leaf.oid for leaf in leaves}
            inputs = setup_inputs(blobs, self._preparation.steps)
            named = [(path, blobs[path]) for path in inputs]
            made = setup_key(self._preparation, named, self._around) if self._preparation.steps else ""
            while len(self._facts) >= _REMEMBERED_TREES:
                self._facts.pop(next(iter(self._facts)))
            self._facts[tree] = _Facts(made, frozenset(self._copies.keys() & blobs.keys()))
        return self._facts[tree]

    def _heard(self, event: ev.Envelope | ev.EphemeralEvent) -> None:
        """Whoever answered something may have mended what failed."""
        if isinstance(event, ev.Envelope) and isinstance(event.event, ev.NeedAnswered):
            self._failed.clear()


def _ending(step: SetupStep, result: CommandResult) -> str:
    return f"took longer than {step.timeout_s:g} s" if result.timed_out else f"ended with {result.exit_code}"


def _digest(profile: str, copies: Mapping[str, bytes]) -> str:
    told = sha256(profile.encode())
    for path, content in sorted(copies.items()):
        told.update(f"\0{path}\0{sha256(content).hexdigest()}".encode("utf-8", "surrogateescape"))
    return told.hexdigest()
