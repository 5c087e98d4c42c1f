"""Hooks: what a polecat has done, in git, so that a crash loses nothing.

A hook is a chain of commits at `…/hooks/<polecat>` (engine.rig). Each holds `hook.json` (whose bead, from
which base, on which branch), `turns/0001.json` … (the messages of each turn with time, cost and request id)
and `preambles/` (what the requests of the turns began with). Its second parent is a commit of the slot's
content after the turn, on the bead's base: a plain commit that anybody can check out or diff.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.ids import BeadId, Oid, PolecatName
from gastown_desktop.core.stuck import Measure
from gastown_desktop.engine.crash_points import crash_point
from gastown_desktop.engine.git_ports import REGULAR, GitObjects, Signature, TreeEntry
from gastown_desktop.engine.ports import Clock
from gastown_desktop.engine.preambles import FOLDER, with_preamble
from gastown_desktop.engine.rig import RefNames


@dataclass(frozen=True, slots=True)
class Interjection:
    """Words that the town puts in between two turns: an answer, what the gate said, what the user changed."""

    after: int
    """Number of the turn that they follow; 0 for the task."""
    text: str
    heard: tuple[str, ...] = ()
    """Ids of the user's messages in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A bead on a hook."""

    polecat: PolecatName
    bead: BeadId
    base: Oid
    """Commit the slot starts from."""
    branch: str
    """Full ref name of the bead's work branch."""
    epoch: int
    model: str
    task: str = ""
    """The first message to the model, as it was when the conversation began."""
    start: Oid | None = None
    """Tree that the slot holds at first, where that is not the base's."""
    carried: int = 0
    """Turns of an earlier attempt that the conversation goes on from."""
    said: tuple[Interjection, ...] = ()
    """What was put in between turns, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn as it is kept."""

    number: int
    at: str
    tree: Oid
    """The slot after the turn."""
    cost: int
    """Nano-dollars at list price."""
    request_id: str
    prompt_tokens: int
    output_tokens: int
    assistant: list[dict[str, Any]]
    """Content blocks of the reply."""
    results: list[dict[str, Any]]
    """Tool results that answer it; empty when no tool was called."""
    steps: list[tuple[str, bool]]
    notes: list[str]
    tool_s: float = 0.0
    """Seconds that the tools took."""
    measure: Measure = "go_on"
    """What was done after it about a worker that went in circles, or about a context that was full."""
    between: str = ""
    """What the worker was told after it: with that measure, or by the user."""
    heard: tuple[str, ...] = ()
    """Ids of the user's messages in `between`."""
    preamble: Oid | None = None
    """The preamble of its request (engine.preambles); None in a transcript of an earlier version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A hook as it stands in git."""

    assignment: Assignment
    head: Oid
    """The newest hook commit; before the first turn the one that only assigns."""
    turns: tuple[Turn, ...] = ()
    submitted: Oid | None = None
    """The commit handed to the Refinery, once there is one."""
    entries: tuple[TreeEntry, ...] = ()
    """The blobs of the turns and of their preambles."""

    @property
    def wip(self) -> Oid | None:
        """Tree that the slot is to hold, None where that is the base's."""
        own = len(self.turns) > self.assignment.carried
        return self.turns[-1].tree if own else self.assignment.start


class Hooks:
    """All hooks of one convoy."""

    def __init__(self, objects: GitObjects, refs: RefNames, clock: Clock) -> None:
        """Works on the rig's own repository."""
        self._objects = objects
        self._refs = refs
        self._clock = clock

    async def hang(self, assignment: Assignment, earlier: Hook | None = None) -> Hook:
        """Hangs a bead on a polecat's hook; an earlier bead of that polecat has ended, its chain is kept.

        Args:
            assignment: the bead and where it is worked on.
            earlier: the attempt whose conversation goes on.

        Raises:
            StoreError: the hook moved meanwhile.
        """
        old = await self._objects.read_ref(self._refs.hook(assignment.polecat))
        if old is not None:
            await self._keep(await self.load(old))
        begun = Hook(assignment=assignment, head=assignment.base)
        parents: tuple[Oid, ...] = (assignment.base,)
        if earlier is not None:
            begun = replace(begun, turns=earlier.turns, entries=earlier.entries)
            parents = (*parents, earlier.head)
        if assignment.start is not None:
            kept = await self._objects.write_commit(
                assignment.start, (assignment.base,), f"{assignment.bead}: start\n", *self._signed()
            )
            parents = (*parents, kept)
        return await self._advance(begun, old, parents=parents, subject="assign")

    async def attempt(self, bead: BeadId, epoch: int) -> Hook | None:
        """An attempt that has ended; None where nothing of it is kept."""
        head = await self._objects.read_ref(f"{self._refs.transcripts}{bead}/{epoch}")
        if head is not None:
            return await self.load(head)
        hanging = (hook for hook in await self.load_all() if hook.assignment.bead == bead)
        return next((hook for hook in hanging if hook.assignment.epoch == epoch), None)

    async def record(self, hook: Hook, turn: Turn) -> Hook:
        """Adds a turn.

        Raises:
            StoreError: the hook moved meanwhile.
        """
        blob = await self._objects.write_blob(_json(asdict(turn)))
        entry = TreeEntry(f"turns/{turn.number:04}.json", REGULAR, blob)
        entries = with_preamble((*hook.entries, entry), turn.preamble)
        grown = replace(hook, turns=(*hook.turns, turn), entries=entries)
        kept = await self._objects.write_commit(
            turn.tree,
            (hook.assignment.base,),
            f"{hook.assignment.bead}: turn {turn.number}\n",
            *self._signed(),
        )
        return await self._advance(grown, hook.head, parents=(hook.head, kept), subject=f"turn {turn.number}")

    async def say(self, hook: Hook, said: Interjection) -> Hook:
        """Adds words that the worker hears when it goes on.

        Raises:
            StoreError: the hook moved meanwhile.
        """
        assignment = replace(hook.assignment, said=(*hook.assignment.said, said))
        told = replace(hook, assignment=assignment)
        return await self._advance(told, hook.head, parents=(hook.head,), subject="say")

    async def mark_submitted(self, hook: Hook, commit: Oid) -> Hook:
        """Notes the commit that went to the Refinery and keeps it and the transcript reachable by bead."""
        marked = await self._advance(
            replace(hook, submitted=commit), hook.head, parents=(hook.head, commit), subject="submit"
        )
        await self._keep(marked)
        return marked

    async def give_up(self, hook: Hook) -> None:
        """Takes the bead off the hook; its chain stays reachable by the bead's name."""
        await self._keep(hook)
        name = self._refs.hook(hook.assignment.polecat)
        if not await self._objects.swap_ref(name, old=hook.head, new=None):
            raise StoreError(f"The hook of {hook.assignment.polecat} moved while it was taken down.")

    async def load_all(self) -> list[Hook]:
        """All hooks, as an earlier process left them."""
        refs = await self._objects.list_refs(self._refs.hooks)
        return [await self.load(head) for head in refs.values()]

    async def load(self, head: Oid) -> Hook:
        """Reads a hook from its newest commit.

        Raises:
            StoreError: it is no commit of a hook.
        """
        try:
            return await self._load(head)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"The hook at {head} cannot be read ({error!r}).") from error

    async def _load(self, head: Oid) -> Hook:
        entries = await self._objects.list_tree(await self._objects.tree_of(head), recursive=True)
        by_path = {entry.path: entry for entry in entries}
        fields = json.loads(await self._objects.read_blob(by_path.pop("hook.json").oid))
        told = sorted(path for path in by_path if not path.startswith(FOLDER))
        turns = [_turn(await self._objects.read_blob(by_path[path].oid)) for path in told]
        return Hook(
            assignment=_assignment(fields["assignment"]),
            head=head,
            turns=tuple(turns),
            submitted=fields["submitted"],
            entries=tuple(by_path[path] for path in sorted(by_path)),
        )

    async def _advance(self, hook: Hook, old: Oid | None, *, parents: tuple[Oid, ...], subject: str) -> Hook:
        state = {"assignment": asdict(hook.assignment), "submitted": hook.submitted}
        blob = await self._objects.write_blob(_json(state))
        tree = await self._objects.write_tree((TreeEntry("hook.json", REGULAR, blob), *hook.entries))
        bead, name = hook.assignment.bead, self._refs.hook(hook.assignment.polecat)
        head = await self._objects.write_commit(tree, parents, f"{bead}: {subject}\n", *self._signed())
        crash_point("hook-swap-before")
        if not await self._objects.swap_ref(name, old=old, new=head):
            raise StoreError(f"The hook of {hook.assignment.polecat} moved while it was written.")
        crash_point("hook-swap-after")
        return replace(hook, head=head)

    async def _keep(self, hook: Hook) -> None:
        """Makes the chain reachable by `transcripts/<bead>/<epoch>`, whatever becomes of the hook."""
        name = f"{self._refs.transcripts}{hook.assignment.bead}/{hook.assignment.epoch}"
        old = await self._objects.read_ref(name)
        if old != hook.head and not await self._objects.swap_ref(name, old=old, new=hook.head):
            raise StoreError(f"The transcript of {hook.assignment.bead} moved while it was kept.")

    def _signed(self) -> tuple[Signature, Signature]:
        town = Signature("Gas Town", "town@gastown.invalid", self._clock.now())
        return town, town


def _json(value: object) -> bytes:
    """Names stay in the order in which they were said, so that a reply goes back as it came."""
    return json.dumps(value, ensure_ascii=True, indent=1).encode("ascii") + b"\n"


def _assignment(fields: dict[str, Any]) -> Assignment:
    said = tuple(_interjection(one) for one in fields.pop("said", ()))
    return Assignment(**fields, said=said)


def _interjection(fields: dict[str, Any]) -> Interjection:
    return Interjection(fields["after"], fields["text"], tuple(fields.get("heard", ())))


def _turn(data: bytes) -> Turn:
    fields = json.loads(data)
    fields["steps"] = [(text, done) for text, done in fields["steps"]]
    fields["heard"] = tuple(fields.get("heard", ()))
    return Turn(**fields)
