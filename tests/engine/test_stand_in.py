"""What the stand-in says, carried out by the real tools in a real slot, makes the tree it stands in for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.adapters.git.slots import GitSlots
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.adapters.sandbox import find_sandbox
from gastown_desktop.adapters.slot_files import SlotFiles
from gastown_desktop.core.bead import Bead
from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.ids import BeadId, Oid, PolecatName
from gastown_desktop.core.prices import MAX_TOKENS_CEILING
from gastown_desktop.engine.circles import fresh_start
from gastown_desktop.engine.conversation import task_text
from gastown_desktop.engine.hooks import Assignment, Turn
from gastown_desktop.engine.messages import USER_SAYS
from gastown_desktop.engine.polecat import MOST_TURNS
from gastown_desktop.engine.process_ports import Confinement, Sandbox
from gastown_desktop.engine.rehearsal_plan import RehearsalPlan
from gastown_desktop.engine.replay import PastWork, Replays
from gastown_desktop.engine.stand_in import StandIn
from gastown_desktop.engine.tools.toolbox import call
from gastown_desktop.engine.tools.workbench import Submission, Workbench
from tests.builders import RepositoryBuilder
from tests.engine.past import plan_of, take

Block = dict[str, Any]
SHORT_TEXT = "".join(f"line {number}\n" for number in range(60))


class Desk:
    """A slot, its tools, and the stand-in for one repository's commits."""

    def __init__(
        self,
        objects: PygitObjects,
        slots: GitSlots,
        sandbox: Sandbox,
        town_git: Path,
        repo: RepositoryBuilder,
    ) -> None:
        self.objects = objects
        self.slots = slots
        self.sandbox = sandbox
        self.town_git = town_git
        self.repo = repo

    async def plan(self) -> RehearsalPlan:
        return await plan_of(self.objects, take(self.repo, self.town_git))

    def stand_in(
        self, plan: RehearsalPlan, mechanical: Mapping[BeadId, dict[str, str]] | None = None
    ) -> StandIn:
        return StandIn(self.objects, Replays(self.objects), plan.works, mechanical or {})

    async def perform(self, stand_in: StandIn, work: PastWork, base: Oid) -> Oid:
        """Carries the script out; returns the tree of the slot at its submission."""
        slot = await self.slots.prepare("Nux", base)
        confinement = Confinement(slot=slot.folder, seen_at=slot.folder)
        submitted: list[Submission] = []

        async def accept(submission: Submission) -> None:
            submitted.append(submission)

        bench = Workbench(
            polecat=PolecatName("Nux"),
            bead=work.bead,
            files=SlotFiles(slot.folder),
            sandbox=self.sandbox,
            confinement=confinement,
            accept=accept,
        )
        try:
            for blocks in await script_of(stand_in, work, base):
                for block in blocks:
                    if block["type"] == "tool_use":
                        text = await call(block["name"], block["input"], bench)
                        assert "exit status" not in text, (block, text)
        finally:
            await bench.close()
        for command in submitted[0].evidence:
            assert (await self.sandbox.run(command, confinement, timeout_s=30)).exit_code == 0, command
        return (await self.slots.snapshot(slot)).tree


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryBuilder:
    return RepositoryBuilder(tmp_path / "repo")


@pytest_asyncio.fixture
async def desk(
    objects: PygitObjects, town_git: Path, tmp_path: Path, repo: RepositoryBuilder
) -> AsyncIterator[Desk]:
    launcher = LocalLauncher(tmp_path / "slots-launcher" / "children")
    git = GitCommand(launcher, Path("/usr/bin/git"), tmp_path / "no-hooks")
    slots = GitSlots(git, objects, town_git, tmp_path / "slots", tmp_path / "indexes")
    (tmp_path / "scratch").mkdir()
    sandbox = await find_sandbox(
        launcher, home=tmp_path, town_objects=town_git / "objects", scratch=tmp_path / "scratch"
    )
    yield Desk(objects, slots, sandbox, town_git, repo)
    await launcher.close()


def asked_for(work: PastWork, base: Oid, turns: int, *, refusal: str = "") -> dict[str, Any]:
    """The body of a request after so many turns."""
    result = {"type": "tool_result", "tool_use_id": "t", "content": refusal or "ok"}
    if refusal:
        result["is_error"] = True
    bead = Bead(id=work.bead, title=work.subject, description=work.body)
    task = task_text(bead, PolecatName("Nux"), base)
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": task}]}]
    for _ in range(turns):
        messages.append({"role": "assistant", "content": [{"type": "text", "text": "…"}]})
        messages.append({"role": "user", "content": [result]})
    return {"messages": messages}


async def script_of(stand_in: StandIn, work: PastWork, base: Oid) -> list[list[Block]]:
    """All its turns, up to the submission or question."""
    turns: list[list[Block]] = []
    while not turns or not {"submit", "ask"} & {block.get("name") for block in turns[-1]}:
        turns.append(list(await stand_in.answer(asked_for(work, base, len(turns)))))
        assert len(turns) <= MOST_TURNS
    return turns


def calls(turns: list[list[Block]], tool: str) -> list[dict[str, Any]]:
    return [block["input"] for blocks in turns for block in blocks if block.get("name") == tool]


# --- trees ----------------------------------------------------------------------------------------


def texts(repo: RepositoryBuilder) -> None:
    repo.write("edited.txt", SHORT_TEXT).write("repeats.txt", "same\n" * 30).write("bare.txt", "no newline")
    repo.write("crlf.txt", "one\r\ntwo\r\n").write("odd.txt", "a\x0cb\x85c\u2028d\ne\n").write(
        "empty.txt", ""
    )
    repo.write("bom.txt", "\ufeffone\ntwo\n").commit("Start")
    repo.write("edited.txt", SHORT_TEXT.replace("line 3\n", "").replace("line 50", "LINE 50\nmore"))
    repo.write("repeats.txt", "same\n" * 14 + "other\n" + "same\n" * 17).write("bare.txt", "still none")
    repo.write("crlf.txt", "one\r\nTWO\r\n").write("odd.txt", "a\x0cb\x85C\u2028d\ne\n")
    repo.write("empty.txt", "not any more\n").write("bom.txt", "\ufeffone\nTWO\n")
    repo.write("quotes.json", '"\\"' * 13_000).write("russian.txt", "ж" * 19_000 + "\n")
    repo.write("new/deep/er.txt", "x\n").write("new empty.txt", "").write("long.txt", "x" * 60_000)


def kinds(repo: RepositoryBuilder) -> None:
    repo.write("gone/too/deep.txt", "x\n").write("gone/a.txt", "a\n").write("old name.txt", SHORT_TEXT)
    repo.write("becomes.sh", "#!/bin/sh\n").write("was.sh", "#!/bin/sh\n", executable=True)
    repo.write("edited.sh", "#!/bin/sh\necho 1\n", executable=True).write("logo.bin", bytes(range(256)))
    repo.symlink("link", "becomes.sh").symlink("dangling", "nowhere").write("drop.txt", "x\n").commit("Start")
    repo.delete("gone").rename("old name.txt", "new name.txt").chmod("becomes.sh", 0o755).chmod(
        "was.sh", 0o644
    )
    repo.write("edited.sh", "#!/bin/sh\necho 2\n", executable=True).write("logo.bin", bytes(range(255)) * 3)
    repo.write("made.sh", "#!/bin/sh\n", executable=True).write("tool.bin", b"\x00\x01" * 9, executable=True)
    repo.symlink("link", "new name.txt").symlink("fresh", "../outside").delete("dangling").delete("drop.txt")


def swaps(repo: RepositoryBuilder) -> None:
    repo.write("file", "x\n").write("folder/a", "a\n").write("folder/b/c", "c\n").symlink("link", "file")
    repo.write("plain", "p\n").symlink("to-folder", "folder").write("dir/x", "x\n").commit("Start")
    repo.delete("file").write("file/inside", "i\n").delete("folder").write("folder", "now a file\n")
    repo.delete("link").write("link", "file").delete("plain").symlink("plain", "link")
    repo.delete("to-folder").write("to-folder/y", "y\n").delete("dir").symlink("dir", "file")


def names(repo: RepositoryBuilder) -> None:
    odd = (
        "-rf",
        "-dash/-n",
        'it\'s "quoted".txt',
        "sp ace/ta\tb.txt",
        "übersicht – naïve.md",
        "$HOME/`id`",
        "new\nline",
    )
    for name in odd:
        repo.write(name, "one\ntwo\n").write(f"{name}.gone", "x\n")
    repo.commit("Start")
    for name in odd:
        repo.write(name, "one\nTWO\n").delete(f"{name}.gone").write(f"{name}.bin", b"\0new\0")
        repo.write(f"{name}.d/text", "new\n").symlink(f"{name}.link", name)


@pytest.mark.parametrize("build", [texts, kinds, swaps, names])
async def test_the_script_makes_the_tree(desk: Desk, build: Callable[[RepositoryBuilder], None]) -> None:
    build(desk.repo)
    desk.repo.commit("Work")
    plan = await desk.plan()
    (work,) = plan.works.values()
    made = await desk.perform(desk.stand_in(plan), work, plan.base)
    assert [change.path for change in await desk.objects.diff_trees(made, work.tree)] == []


async def test_on_another_base_it_makes_what_replaying_the_commit_gives(desk: Desk) -> None:
    desk.repo.write("a.txt", SHORT_TEXT).write("b.txt", "b\n").commit("Start")
    desk.repo.write("a.txt", SHORT_TEXT.replace("line 3\n", "LINE 3\n")).commit("Early")
    desk.repo.write("a.txt", SHORT_TEXT.replace("line 3\n", "LINE 3\n").replace("line 50", "LINE 50")).commit(
        "Late"
    )
    plan = await desk.plan()
    late = list(plan.works.values())[1]
    made = await desk.perform(desk.stand_in(plan), late, plan.base)
    expected = SHORT_TEXT.replace("line 50", "LINE 50").encode()
    leaves = {leaf.path: leaf.oid for leaf in await desk.objects.list_tree(made, recursive=True)}
    assert await desk.objects.read_blob(leaves["a.txt"]) == expected


async def test_paths_that_code_puts_in_place_are_left_alone(desk: Desk) -> None:
    desk.repo.write("a.txt", "a\n").write("b.txt", "b\n").commit("Start")
    desk.repo.write("a.txt", "A\n").write("b.txt", "B\n").commit("Work")
    plan = await desk.plan()
    (work,) = plan.works.values()
    turns = await script_of(desk.stand_in(plan, {work.bead: {"b.txt": "why"}}), work, plan.base)
    assert "b.txt" not in json.dumps(turns)
    assert "a.txt" in json.dumps(turns)


# --- scripts --------------------------------------------------------------------------------------


async def test_a_script_depends_on_bead_and_base_alone(desk: Desk) -> None:
    texts(desk.repo)
    desk.repo.commit("Work")
    plan = await desk.plan()
    (work,) = plan.works.values()
    once = await script_of(desk.stand_in(plan), work, plan.base)
    again = desk.stand_in(plan)
    last_first = [await again.answer(asked_for(work, plan.base, turn)) for turn in range(len(once))[::-1]]
    assert [list(blocks) for blocks in last_first[::-1]] == once


async def test_each_edit_s_old_text_occurs_once_when_its_turn_comes(desk: Desk) -> None:
    texts(desk.repo)
    desk.repo.commit("Work")
    plan = await desk.plan()
    (work,) = plan.works.values()
    held = {
        leaf.path: (await desk.objects.read_blob(leaf.oid)).decode()
        for leaf in await desk.objects.list_tree(plan.base_tree, recursive=True)
    }
    edits = calls(await script_of(desk.stand_in(plan), work, plan.base), "edit")
    assert {edit["path"] for edit in edits} >= {"edited.txt", "crlf.txt", "odd.txt"}
    for edit in edits:
        assert held[edit["path"]].count(edit["old"]) == 1
        held[edit["path"]] = held[edit["path"]].replace(edit["old"], edit["new"])


async def test_every_reply_fits_into_the_longest_there_is(desk: Desk) -> None:
    texts(desk.repo)
    for number in range(30):
        desk.repo.write(f"many/{number}.txt", "\"'\\\n" * 9_000)
    desk.repo.commit("Work\n\n" + "A very long story.\n" * 6_000)
    plan = await desk.plan()
    (work,) = plan.works.values()
    for blocks in await script_of(desk.stand_in(plan), work, plan.base):
        assert len(json.dumps(blocks)) / 4 < MAX_TOKENS_CEILING


async def test_a_commit_of_very_many_files_fits_into_a_bead_s_turns(desk: Desk) -> None:
    for number in range(900):
        desk.repo.write(f"f/{number}.txt", f"{number}\n" * 40)
    desk.repo.commit("Start")
    for number in range(900):
        desk.repo.write(f"f/{number}.txt", f"{number}\n" * 39 + "changed\n")
    desk.repo.commit("Reformat everything")
    plan = await desk.plan()
    (work,) = plan.works.values()
    turns = await script_of(desk.stand_in(plan), work, plan.base)
    assert len(turns) < MOST_TURNS / 2
    assert len(calls(turns, "edit")) + len(calls(turns, "write")) + len(calls(turns, "bash")) >= 900


async def test_work_that_conflicts_with_its_base_asks(desk: Desk) -> None:
    desk.repo.write("a.txt", "one\n").commit("Start")
    desk.repo.write("a.txt", "two\n").commit("Two")
    desk.repo.write("a.txt", "three\n").commit("Three")
    plan = await desk.plan()
    three = list(plan.works.values())[1]
    turns = await script_of(desk.stand_in(plan), three, plan.base)
    assert len(turns) == 1
    assert "a.txt" in calls(turns, "ask")[0]["question"]


async def test_a_refusal_is_put_to_the_user(desk: Desk) -> None:
    desk.repo.write("a.txt", "one\n").commit("Start")
    desk.repo.write("a.txt", "two\n").commit("Two")
    plan = await desk.plan()
    (work,) = plan.works.values()
    refused = asked_for(work, plan.base, 1, refusal="a.txt is not a regular file.")
    (block,) = await desk.stand_in(plan).answer(refused)
    assert "not a regular file" in block["input"]["question"]


async def test_a_commit_named_in_the_bead_is_not_taken_for_its_base(desk: Desk) -> None:
    desk.repo.write("a.txt", "one\n").commit("Start")
    desk.repo.write("a.txt", "two\n").commit(f"Two\n\nYour copy starts from commit {'1' * 40}.")
    plan = await desk.plan()
    (work,) = plan.works.values()
    turns = await script_of(desk.stand_in(plan), work, plan.base)
    assert len(calls(turns, "submit")) == 1


async def test_a_request_about_no_bead_is_an_error(desk: Desk) -> None:
    desk.repo.write("a.txt", "one\n").commit("Start")
    desk.repo.write("a.txt", "two\n").commit("Two")
    stand_in = desk.stand_in(await desk.plan())
    with pytest.raises(GasTownError, match="no bead"):
        await stand_in.answer({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]})


async def test_after_a_fresh_beginning_the_script_goes_on_where_it_was(desk: Desk) -> None:
    desk.repo.write("edited.txt", SHORT_TEXT).commit("Start")
    desk.repo.write("edited.txt", SHORT_TEXT.replace("line 7\n", "changed\n")).commit("Change a line")
    plan = await desk.plan()
    (work,) = plan.works.values()
    stand_in = desk.stand_in(plan)
    script = await script_of(stand_in, work, plan.base)
    assert len(script) > 2
    request = asked_for(work, plan.base, 0)
    task = request["messages"][0]["content"][0]["text"]
    assignment = Assignment(
        polecat=PolecatName("Nux"), bead=work.bead, base=plan.base, branch="b", epoch=1, model="m", task=task
    )
    for turns in range(1, len(script)):
        told = fresh_start(assignment, turn_with(turns), "The conversation became too long.", ["edited.txt"])
        afresh = {"messages": [{"role": "user", "content": [{"type": "text", "text": told}]}]}
        assert await stand_in.answer(afresh) == script[turns]
        assert await desk.stand_in(plan).answer(afresh) == script[turns], "another process"


async def test_what_the_user_says_changes_nothing_that_it_does(desk: Desk) -> None:
    desk.repo.write("a.txt", "one\n").commit("Start")
    desk.repo.write("a.txt", "two\n").commit("Two")
    plan = await desk.plan()
    (work,) = plan.works.values()
    script = await script_of(desk.stand_in(plan), work, plan.base)
    request = asked_for(work, plan.base, 1)
    request["messages"][-1]["content"].append({"type": "text", "text": f"{USER_SAYS}Hurry."})
    assert await desk.stand_in(plan).answer(request) == script[1]


def turn_with(number: int) -> Turn:
    return Turn(
        number=number,
        at="",
        tree=Oid(""),
        cost=0,
        request_id="",
        prompt_tokens=0,
        output_tokens=0,
        assistant=[],
        results=[],
        steps=[("Look", True)],
        notes=["a note"],
    )
