"""Hooks in a real bare repository."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, PolecatName
from gastown_desktop.engine.git_ports import REGULAR, Signature, TreeEntry
from gastown_desktop.engine.hooks import Assignment, Hook, Hooks, Turn
from gastown_desktop.engine.preambles import Preamble, read_preamble, write_preamble
from gastown_desktop.engine.rig import RefNames
from tests.fakes.clock import START, FakeClock

NUX = PolecatName("Nux")
REFS = RefNames(ConvoyId("cv-1"), rehearsal=False)
ROOT = "refs/gastown/convoys/cv-1"


class Bench:
    """Hooks on a repository with one commit."""

    def __init__(self, objects: PygitObjects, base: Oid) -> None:
        self.objects = objects
        self.hooks = Hooks(objects, REFS, FakeClock())
        self.base = base

    def assignment(self, bead: str = "gt-a", epoch: int = 1) -> Assignment:
        return Assignment(
            polecat=NUX,
            bead=BeadId(bead),
            base=self.base,
            branch=f"refs/heads/work/Nux/{bead}",
            epoch=epoch,
            model="m",
        )

    async def tree(self, content: str) -> Oid:
        blob = await self.objects.write_blob(content.encode())
        return await self.objects.write_tree([TreeEntry("a.py", REGULAR, blob)])

    async def turn(self, number: int) -> Turn:
        return Turn(
            number=number,
            at=START.isoformat(),
            tree=await self.tree(f"turn {number}\n"),
            cost=number * 10,
            request_id=f"msg_{number}",
            prompt_tokens=100,
            output_tokens=10,
            assistant=[{"type": "tool_use", "id": "t", "name": "read", "input": {"path": "caf\udce9 ﷺ"}}],
            results=[{"type": "tool_result", "tool_use_id": "t", "content": "x\n"}],
            steps=[("Read", True), ("Write", False)],
            notes=["a note"],
        )

    async def reachable(self, commit: Oid) -> bool:
        tips = await self.objects.list_refs("refs/")
        return any([await self.objects.is_ancestor(commit, tip) for tip in tips.values()])


@pytest_asyncio.fixture
async def bench(objects: PygitObjects) -> Bench:
    blob = await objects.write_blob(b"start\n")
    tree = await objects.write_tree([TreeEntry("a.py", REGULAR, blob)])
    who = Signature("Ada", "ada@example.org", START)
    base = await objects.write_commit(tree, (), "Start\n", who, who)
    await objects.swap_ref(REFS.convoy_branch, old=None, new=base)
    return Bench(objects, base)


async def worked(bench: Bench, turns: int = 2) -> Hook:
    hook = await bench.hooks.hang(bench.assignment())
    for number in range(1, turns + 1):
        hook = await bench.hooks.record(hook, await bench.turn(number))
    return hook


async def test_a_bead_that_was_hung_is_found_by_the_next_process(bench: Bench) -> None:
    hook = await bench.hooks.hang(bench.assignment())
    assert await bench.objects.read_ref(f"{ROOT}/hooks/Nux") == hook.head
    assert (hook.wip, hook.turns, hook.submitted) == (None, (), None)
    assert await Hooks(bench.objects, REFS, FakeClock()).load_all() == [hook]


@pytest.mark.parametrize("turns", [1, 2, 12])
async def test_turns_are_read_back_as_they_were_recorded(bench: Bench, turns: int) -> None:
    hook = await worked(bench, turns)
    assert await bench.hooks.load_all() == [hook]
    assert [turn.number for turn in hook.turns] == list(range(1, turns + 1))
    assert hook.wip == hook.turns[-1].tree


async def test_a_hook_that_was_read_back_goes_on(bench: Bench) -> None:
    await worked(bench, 1)
    (loaded,) = await bench.hooks.load_all()
    grown = await bench.hooks.record(loaded, await bench.turn(2))
    assert await bench.hooks.load(grown.head) == grown


async def test_turns_keep_the_order_of_what_was_said(bench: Bench) -> None:
    given = {"steps": [{"text": "b", "done": True}], "a": 1}
    call = {"type": "tool_use", "id": "t", "name": "plan", "input": given}
    turn = replace(await bench.turn(1), assistant=[call])
    hook = await bench.hooks.record(await bench.hooks.hang(bench.assignment()), turn)
    (read,) = (await bench.hooks.load(hook.head)).turns
    assert json.dumps(read.assistant) == json.dumps([call])


async def test_a_turn_has_its_preamble_beside_it_whatever_the_next_one_begins_with(bench: Bench) -> None:
    old = Preamble(model="m", system=({"type": "text", "text": "é\ud83d"},), tools=({"z": 1, "a": 2},))
    new = replace(old, model="n", thinks=True, clear_at=7)
    hook = await bench.hooks.hang(bench.assignment())
    for number, preamble in enumerate((old, old, new), 1):
        named = await write_preamble(bench.objects, preamble)
        hook = await bench.hooks.record(hook, replace(await bench.turn(number), preamble=named))
    assert await bench.hooks.load(hook.head) == hook
    names = [turn.preamble for turn in hook.turns if turn.preamble is not None]
    assert [await read_preamble(bench.objects, name) for name in names] == [old, old, new]
    leaves = await bench.objects.list_tree(await bench.objects.tree_of(hook.head), recursive=True)
    kept = {leaf.oid for leaf in leaves if leaf.path.startswith("preambles/")}
    assert kept == set(names)
    assert len(kept) == 2


async def test_what_is_no_preamble_is_refused(bench: Bench) -> None:
    for content in (b"{", b"{}", b'{"model": "m", "system": 1, "tools": []}'):
        blob = await bench.objects.write_blob(content)
        with pytest.raises(StoreError):
            await read_preamble(bench.objects, blob)


async def test_the_slot_after_each_turn_is_a_commit_on_the_bead_s_base(bench: Bench, town_git: Path) -> None:
    hook = await worked(bench, 2)
    commit = await bench.objects.read_commit(hook.head)
    kept = await bench.objects.read_commit(commit.parents[1])
    assert kept.tree == hook.wip
    assert kept.parents == (bench.base,)
    shown = await asyncio.to_thread(
        subprocess.run,
        ["git", "--git-dir", str(town_git), "show", f"{hook.head}^2:a.py"],
        capture_output=True,
        check=True,
    )
    assert shown.stdout == b"turn 2\n"


async def test_every_turn_stays_reachable_along_first_parents(bench: Bench) -> None:
    hook = await worked(bench, 3)
    subjects = [commit.subject for commit in await bench.objects.first_parents(hook.head, 10)]
    assert subjects == ["gt-a: turn 3", "gt-a: turn 2", "gt-a: turn 1", "gt-a: assign", "Start"]


async def test_a_submission_is_noted_and_its_transcript_kept_by_bead(bench: Bench) -> None:
    hook = await worked(bench)
    who = Signature("Nux", "nux@example.org", START)
    commit = await bench.objects.write_commit(hook.turns[-1].tree, (bench.base,), "Work\n", who, who)
    marked = await bench.hooks.mark_submitted(hook, commit)
    assert marked.submitted == commit
    assert await bench.hooks.load_all() == [marked]
    assert await bench.objects.read_ref(f"{ROOT}/transcripts/gt-a/1") == marked.head
    assert await bench.reachable(commit)


async def test_a_hook_that_was_given_up_leaves_its_transcript(bench: Bench) -> None:
    hook = await worked(bench)
    await bench.hooks.give_up(hook)
    assert await bench.hooks.load_all() == []
    assert await bench.objects.read_ref(f"{ROOT}/transcripts/gt-a/1") == hook.head
    assert await bench.reachable(hook.head)
    assert await bench.hooks.load(hook.head) == hook


async def test_the_transcript_of_a_finished_bead_outlives_the_next_one_on_the_hook(bench: Bench) -> None:
    hook = await worked(bench)
    marked = await bench.hooks.mark_submitted(hook, bench.base)
    following = await bench.hooks.hang(bench.assignment("gt-b"))
    assert await bench.hooks.load_all() == [following]
    assert following.turns == ()
    assert await bench.reachable(marked.head)


async def test_each_attempt_has_its_own_transcript(bench: Bench) -> None:
    first = await worked(bench)
    await bench.hooks.give_up(first)
    second = await bench.hooks.hang(bench.assignment(epoch=2))
    await bench.hooks.give_up(second)
    refs = await bench.objects.list_refs(f"{ROOT}/transcripts/gt-a/")
    assert list(refs.values()) == [first.head, second.head]


async def test_a_hook_that_moved_is_never_overwritten(bench: Bench) -> None:
    stale = await worked(bench, 1)
    moved = await bench.hooks.record(stale, await bench.turn(2))
    for change in (
        bench.hooks.record(stale, await bench.turn(2)),
        bench.hooks.mark_submitted(stale, bench.base),
        bench.hooks.give_up(stale),
    ):
        with pytest.raises(StoreError, match="moved"):
            await change
    assert await bench.hooks.load_all() == [moved]


async def test_a_hook_that_is_gone_is_not_made_again(bench: Bench) -> None:
    hook = await worked(bench, 1)
    await bench.hooks.give_up(hook)
    with pytest.raises(StoreError):
        await bench.hooks.record(hook, await bench.turn(2))
    assert await bench.hooks.load_all() == []


@pytest.mark.parametrize(
    "files",
    [
        {"other.json": b"{}"},
        {"hook.json": b"no json"},
        {"hook.json": b'{"assignment": {"mood": 1}, "submitted": null}'},
        {"hook.json": b"[]"},
    ],
)
async def test_a_hook_that_cannot_be_read_is_an_error_of_the_store(
    bench: Bench, files: dict[str, bytes]
) -> None:
    entries = [TreeEntry(path, REGULAR, await bench.objects.write_blob(data)) for path, data in files.items()]
    who = Signature("Nux", "nux@example.org", START)
    tree = await bench.objects.write_tree(entries)
    head = await bench.objects.write_commit(tree, (), "odd\n", who, who)
    with pytest.raises(StoreError, match="cannot be read"):
        await bench.hooks.load(head)


async def test_a_rehearsal_s_hooks_are_its_own(bench: Bench) -> None:
    rehearsed = Hooks(bench.objects, replace(REFS, rehearsal=True), FakeClock())
    await bench.hooks.hang(bench.assignment())
    assert await rehearsed.load_all() == []
    await rehearsed.hang(bench.assignment("gt-b"))
    assert [hook.assignment.bead for hook in await bench.hooks.load_all()] == ["gt-a"]
    assert [hook.assignment.bead for hook in await rehearsed.load_all()] == ["gt-b"]
