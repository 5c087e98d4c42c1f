"""Conflicts in the user's hands: what they see, what their answer becomes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId, MergeId, Oid
from gastown_desktop.engine import resolving_by_hand
from gastown_desktop.engine.api import ConflictFile
from gastown_desktop.engine.conflict_sides import conflict_for_user, new_marks
from gastown_desktop.engine.git_ports import EXECUTABLE, GITLINK, REGULAR, Signature
from gastown_desktop.engine.recovery import reconcile
from gastown_desktop.engine.resolving import MOST_ROUNDS
from gastown_desktop.engine.resolving_by_hand import resolve_by_hand
from gastown_desktop.engine.taking_over import take_over
from tests.engine.running import running
from tests.engine.test_resolving import recalled, red_where_bad, requests, script, work
from tests.fakes.town import FakeTown, found_town, says, turn_of, use

A, B, R = BeadId("gt-a"), BeadId("gt-b"), BeadId("gt-b.r1")
BOTH = {"a.txt": b"A\nB\n"}
ASKS = says(use("ask", question="Which side?"))


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    town = await found_town(objects)
    await town.add("gt-a", "gt-b")
    return town


async def blocked(town: FakeTown, *gates: str) -> None:
    """`gt-a` is merged; `gt-b` conflicts with it and went through all rounds."""
    await town.submit("gt-a", a_txt="A\n")
    await town.submit("gt-b", a_txt="B\n", b_txt="new\n")
    await no_more_rounds(town)
    await work(town, *gates)
    assert town.bus.state.beads[B].status == "blocked"


async def no_more_rounds(town: FakeTown) -> None:
    await town.bus.publish(
        *(
            ev.MergeStateChanged(**town.where, merge=MergeId("gt-b.1"), bead=B, state=state)
            for _ in range(MOST_ROUNDS)
            for state in ("conflicted", "resolving")
        ),
        ev.MergeStateChanged(**town.where, merge=MergeId("gt-b.1"), bead=B, state="queued"),
    )


async def asked(town: FakeTown, *gates: str) -> None:
    """`gt-a` is merged; the resolver of `gt-b` asks."""
    await town.submit("gt-a", a_txt="A\n")
    await town.submit("gt-b", a_txt="B\n", b_txt="new\n")
    script(town, gt_b_r1=[ASKS])
    await work(town, *gates)


async def resolve(town: FakeTown, bead: BeadId = B, **files: bytes | None) -> None:
    seen = await conflict_for_user(town.kit, bead)
    given: Any = {name.replace("_", "."): data for name, data in files.items()} or BOTH
    await resolve_by_hand(town.kit, bead, given, seen.tip)


# --- what is seen ---------------------------------------------------------------------------------


async def test_both_sides_their_base_and_what_git_left_are_shown_with_who_made_them(town: FakeTown) -> None:
    await blocked(town)
    seen = await conflict_for_user(town.kit, B)
    assert (seen.bead, seen.ours, seen.theirs) == (B, "gt-a Do gt-a", "gt-b Do gt-b")
    assert seen.tip == await town.tip()
    (file,) = seen.files
    assert (file.path, file.ours, file.theirs, file.base) == ("a.txt", b"A\n", b"B\n", b"start\n")
    assert not file.binary
    for part in (b"<<<<<<<", b"A\n", b"=======", b"B\n", b">>>>>>>"):
        assert part in file.marked


async def test_a_resolver_s_question_shows_the_conflict_of_its_bead(town: FakeTown) -> None:
    await asked(town)
    assert await conflict_for_user(town.kit, R) == await conflict_for_user(town.kit, B)


@pytest.mark.parametrize(
    ("ours", "theirs", "seen"),
    [
        (None, b"B\n", ConflictFile(path="a.txt", ours=None, theirs=b"B\n", base=b"start\n", marked=b"")),
        (b"A\n", None, ConflictFile(path="a.txt", ours=b"A\n", theirs=None, base=b"start\n", marked=b"")),
        (
            b"A\0",
            b"B\0",
            ConflictFile(path="a.txt", ours=b"A\0", theirs=b"B\0", base=b"start\n", marked=b"", binary=True),
        ),
    ],
)
async def test_conflicts_that_are_none_of_content_hold_no_marks(
    town: FakeTown, ours: bytes | None, theirs: bytes | None, seen: ConflictFile
) -> None:
    await meeting(town, {"a.txt": ours}, {"a.txt": theirs})
    assert (await conflict_for_user(town.kit, B)).files == (seen,)


async def test_a_file_that_both_sides_add_has_no_base(town: FakeTown) -> None:
    await meeting(town, {"n.txt": b"A\n"}, {"n.txt": b"B\n"})
    (file,) = (await conflict_for_user(town.kit, B)).files
    assert (file.ours, file.theirs, file.base) == (b"A\n", b"B\n", None)
    assert b"<<<<<<<" in file.marked


async def test_a_file_where_the_other_side_has_a_folder_is_shown_as_git_put_it_aside(town: FakeTown) -> None:
    await meeting(town, {"n/x.txt": b"A\n"}, {"n": b"B\n"})
    (file,) = (await conflict_for_user(town.kit, B)).files
    assert file.path.startswith("n~")
    assert (file.ours, file.theirs, file.marked) == (None, b"B\n", b"")


async def meeting(town: FakeTown, ours: dict[str, bytes | None], theirs: dict[str, bytes | None]) -> None:
    """Two beads whose changes meet, the second blocked."""
    await town.merge("gt-m", m_txt="M\n")
    tip = await town.tip()
    await town.objects.swap_ref(town.refs.convoy_branch, old=tip, new=await edited(town, tip, ours, "Ours\n"))
    await town.submit("gt-b", base=tip, z_txt="z\n")
    request = town.bus.state.merges[MergeId("gt-b.1")]
    commit = await edited(town, tip, theirs, "Do gt-b\n\nDone.\n\nGastown-Bead: gt-b\n")
    await town.bus.publish(
        ev.BeadSubmitted(
            **town.where,
            bead=B,
            polecat=request.polecat,
            merge=MergeId("gt-b.2"),
            branch="b",
            commit=commit,
            base=tip,
        ),
        ev.MergeStateChanged(**town.where, merge=MergeId("gt-b.2"), bead=B, state="conflicted"),
        ev.NeedsYou(**town.where, item="gt-b:conflict:gt-b.2", about="conflict", text="!", bead=B),
    )


async def edited(town: FakeTown, parent: Oid, files: dict[str, bytes | None], message: str) -> Oid:
    changes = {
        path: None if data is None else (REGULAR, await town.objects.write_blob(data))
        for path, data in files.items()
    }
    tree = await town.objects.edit_tree(await town.objects.tree_of(parent), changes)
    who = Signature("Nux (polecat)", "ada@example.org", town.clock.now())
    return await town.objects.write_commit(tree, (parent,), message, who, who)


async def test_a_bead_without_a_conflict_shows_none(town: FakeTown) -> None:
    with pytest.raises(Refused, match="no bead gt-x"):
        await conflict_for_user(town.kit, BeadId("gt-x"))
    with pytest.raises(Refused, match="gt-b is in no conflict"):
        await conflict_for_user(town.kit, B)
    await asked(town)
    await take_over(town.kit, R)
    with pytest.raises(Refused, match=r"gt-b\.r1 is in your hands"):
        await conflict_for_user(town.kit, B)


# --- what becomes of it ---------------------------------------------------------------------------


@pytest.mark.parametrize("bead", [B, R])
async def test_an_answer_lands_as_the_bead_s_work_and_says_who_resolved_it(
    town: FakeTown, bead: BeadId
) -> None:
    await (blocked(town) if bead == B else asked(town))
    await resolve(town, bead)
    state = town.bus.state
    assert (state.needs_you, state.beads[B].status) == ({}, "submitted")
    assert all(state.beads[one].status == "discarded" for one in state.resolvers_of(B))
    await work(town)
    assert state.stage == "landed"
    assert await town.files_at(await town.tip()) == {"a.txt": b"A\nB\n", "b.txt": b"new\n"}
    commit = await town.objects.read_commit(await town.tip())
    assert (commit.author.name, commit.committer.name) == ("Nux (polecat)", "Ada")
    assert commit.subject == "Do gt-b"
    assert "Resolved by hand by Ada." in commit.message
    trailers = commit.message.strip().split("\n\n")[-1].splitlines()
    assert {"Gastown-Bead: gt-b", "Gastown-Resolved-By: user"} <= set(trailers)


async def test_the_trailers_of_the_work_stay_and_its_cost_is_all_that_was_paid(town: FakeTown) -> None:
    async with running(town) as run:
        await run.is_asked("gt-a")
        run.hands_in("gt-b", a_txt="B\n")
        await run.until(lambda: run.status("gt-b") == "merged")
        run.hands_in("gt-a", a_txt="A\n")
        run.says("gt-a.r1", ASKS)
        await run.ends()
    await resolve(town, BeadId("gt-a.r1"))
    await work(town)
    commit = await town.objects.read_commit(await town.tip())
    lines = commit.message.strip().split("\n\n")[-1].splitlines()
    trailers = dict(line.split(": ", 1) for line in lines)
    assert {"Gastown-Convoy", "Gastown-Polecat", "Gastown-Model", "Gastown-Transcript"} <= set(trailers)
    assert int(trailers["Gastown-Cost"]) == town.gate.ledger.totals("bead:gt-a").settled


async def test_a_running_town_merges_it_at_once_and_sends_the_resolver_home(town: FakeTown) -> None:
    await town.add("gt-c")
    await town.submit("gt-a", a_txt="A\n")
    await town.submit("gt-b", a_txt="B\n")
    async with running(town) as run:
        await run.is_asked("gt-b.r1")
        await run.is_asked("gt-c")
        await resolve(town)
        await run.until(lambda: run.status("gt-b") == "merged")
        assert run.status("gt-b.r1") == "discarded"
        assert run.worker("gt-b.r1").state == ""
        run.hands_in("gt-c")
        await run.ends()
    assert town.bus.state.stage == "landed"
    assert run.asked["gt-b.r1"] == 1
    assert town.gate.ledger.open_reservations == {}


async def test_it_goes_through_the_gates_and_back_to_the_bead_s_worker_when_it_is_red(town: FakeTown) -> None:
    town.sandbox.verdict = red_where_bad
    async with running(town, "check") as run:
        await run.is_asked("gt-a")
        run.hands_in("gt-b", a_txt="B\n")
        await run.until(lambda: run.status("gt-b") == "merged")
        run.hands_in("gt-a", a_txt="A\n")
        run.says("gt-a.r1", ASKS)
        await run.ends()
    await resolve(town, A, a_txt=b"B\nA bad\n")
    async with running(town, "check") as run:
        await run.is_asked("gt-a")
        run.hands_in("gt-a", a_txt="B\nA\n")
        await run.ends()
    assert town.bus.state.merged() == {A, B}
    again = requests(town, "gt-a")[-1]
    assert turn_of(again) == 1
    assert "AssertionError: bad" in str(again.messages[-1])
    assert await town.files_at(await town.tip()) == {"a.txt": b"B\nA\n"}


async def test_what_the_user_made_is_remembered_once_it_is_proven(town: FakeTown) -> None:
    await blocked(town, "check")
    await resolve(town)
    await work(town, "check")
    assert await recalled(town) == {"a.txt": b"A\nB\n", "b.txt": b"new\n"}


async def test_a_file_may_be_deleted_and_a_side_is_taken_as_it_is(town: FakeTown) -> None:
    await meeting(town, {"a.txt": None, "n.txt": b"A\n"}, {"a.txt": b"B\n", "n.txt": b"B\n", "k.txt": b"k\n"})
    await resolve(town, a_txt=None, n_txt=b"A\n")
    await work(town)
    files = await town.files_at(await town.tip())
    assert files == {"k.txt": b"k\n", "m.txt": b"M\n", "n.txt": b"A\n"}


async def test_modes_and_submodules_survive(town: FakeTown) -> None:
    await town.merge("gt-m", m_txt="M\n")
    tip = await town.tip()
    blob = await town.objects.write_blob(b"#!/bin/sh\n")
    first, second = Oid("1" * 40), Oid("2" * 40)
    start = await moded(town, tip, run=(EXECUTABLE, blob), sub=(GITLINK, first))
    await town.objects.swap_ref(town.refs.convoy_branch, old=tip, new=start)
    ours = await moded(
        town, start, run=(EXECUTABLE, await town.objects.write_blob(b"ours\n")), sub=(GITLINK, second)
    )
    other, third = await town.objects.write_blob(b"theirs\n"), Oid("3" * 40)
    theirs = await moded(town, start, run=(EXECUTABLE, other), sub=(GITLINK, third))
    await town.objects.swap_ref(town.refs.convoy_branch, old=start, new=ours)
    await town.submit("gt-b", base=start, z_txt="z\n")
    await town.bus.publish(
        ev.BeadSubmitted(
            **town.where,
            bead=B,
            polecat=ev.PolecatName("Nux"),
            merge=MergeId("gt-b.2"),
            branch="b",
            commit=theirs,
            base=start,
        ),
        ev.MergeStateChanged(**town.where, merge=MergeId("gt-b.2"), bead=B, state="conflicted"),
    )
    seen = await conflict_for_user(town.kit, B)
    told = {file.path: file for file in seen.files}
    assert told["sub"].theirs == f"Subproject commit {'3' * 40}\n".encode()
    with pytest.raises(Refused, match="sub is a submodule"):
        await resolve_by_hand(town.kit, B, {"run": b"x", "sub": b"x"}, seen.tip)
    await resolve_by_hand(town.kit, B, {"run": b"both\n", "sub": told["sub"].theirs}, seen.tip)
    (handed,) = [event for event in town.events("bead_submitted") if event.merge == "gt-b.3"]
    tree = await town.objects.tree_of(handed.commit)
    leaves = {leaf.path: leaf for leaf in await town.objects.list_tree(tree, recursive=True)}
    assert leaves["run"].mode == EXECUTABLE
    assert (leaves["sub"].mode, leaves["sub"].oid) == (GITLINK, "3" * 40)


async def moded(town: FakeTown, parent: Oid, **entries: tuple[int, Oid]) -> Oid:
    tree = await town.objects.edit_tree(await town.objects.tree_of(parent), entries)
    who = Signature("Nux (polecat)", "ada@example.org", town.clock.now())
    message = "Do gt-b\n\nDone.\n\nGastown-Bead: gt-b\n"
    return await town.objects.write_commit(tree, (parent,), message, who, who)


# --- what is refused ------------------------------------------------------------------------------


async def test_what_is_not_resolved_is_refused_and_nothing_changes(town: FakeTown) -> None:
    await blocked(town)
    tip, told = await town.tip(), len(town.told)
    marked = (await conflict_for_user(town.kit, B)).files[0].marked
    for files, why in (
        ({}, r"a\.txt is not resolved yet"),
        ({"a.txt": marked}, r"a\.txt still holds conflict markers"),
        ({"a.txt": b"x", "b.txt": b"x"}, r"b\.txt is not in conflict"),
    ):
        with pytest.raises(Refused, match=why):
            await resolve_by_hand(town.kit, B, files, tip)
    assert len(town.told) == told
    assert set(town.bus.state.needs_you) == {"gt-b:conflict:gt-b.1"}


async def test_a_tip_that_moved_in_these_files_is_refused_and_elsewhere_it_is_not(town: FakeTown) -> None:
    await blocked(town)
    seen = await conflict_for_user(town.kit, B)
    await town.merge("gt-e", e_txt="E\n")
    await town.merge("gt-f", a_txt="F\n")
    with pytest.raises(Refused, match=r"a\.txt changed in the convoy"):
        await resolve_by_hand(town.kit, B, BOTH, seen.tip)
    again = await conflict_for_user(town.kit, B)
    assert again.ours == "gt-a Do gt-a, gt-f Do gt-f"
    await town.merge("gt-g", g_txt="G\n")
    await resolve_by_hand(town.kit, B, BOTH, again.tip)
    await work(town)
    assert set(await town.files_at(await town.tip())) == {"a.txt", "b.txt", "e.txt", "g.txt"}


async def test_a_resolution_that_leaves_nothing_of_the_work_is_refused(town: FakeTown) -> None:
    await meeting(town, {"a.txt": b"A\n"}, {"a.txt": b"B\n"})
    with pytest.raises(Refused, match="Nothing of gt-b would be left"):
        await resolve(town, a_txt=b"A\n")


@pytest.mark.parametrize(
    ("data", "sides", "found"),
    [
        (b"a\n<<<<<<< ours\nb\n", (b"a\n",), True),
        (b">>>>>>> theirs", (b"a\n",), True),
        (b"||||||| base\r\n", (None,), True),
        (b"<<<<<<< ours\n", (b"x\n<<<<<<< ours\n", None), False),
        (b"Title\n=======\n", (b"",), False),
        (b"a <<<<<<< b\n<<<<<<<\n", (b"",), False),
    ],
)
def test_marks_count_where_neither_side_has_them(
    data: bytes, sides: tuple[bytes | None, ...], found: bool
) -> None:
    assert new_marks(data, *sides) is found


# --- stops ----------------------------------------------------------------------------------------


class Died(BaseException):
    pass


@pytest.mark.parametrize("how", [blocked, asked])
@pytest.mark.parametrize("step", ["by-hand-before", "by-hand-after", "by-hand-told"])
async def test_a_stop_is_told_by_the_next_start(
    town: FakeTown, monkeypatch: pytest.MonkeyPatch, how: Any, step: str
) -> None:
    def die(name: str) -> None:
        if name == step:
            raise Died

    await how(town)
    with monkeypatch.context() as patched:
        patched.setattr(resolving_by_hand, "crash_point", die)
        with pytest.raises(Died):
            await resolve(town)
    again = await town.restarted()
    await reconcile(again.kit)
    handed_in = step != "by-hand-before"
    assert (again.bus.state.beads[B].status == "submitted") is handed_in or how is asked
    assert bool(again.bus.state.needs_you) is not handed_in
    assert b"".join(again.store.lines()).count(b'"bead_submitted"') == 2 + handed_in
    once_more = await again.restarted()
    await reconcile(once_more.kit)
    assert once_more.told == []
    if not handed_in:
        await resolve(once_more)
    await work(once_more)
    assert once_more.bus.state.stage == "landed"


@pytest.mark.parametrize("kept", [0, 1, 2])
async def test_events_of_which_only_some_were_written_are_completed(town: FakeTown, kept: int) -> None:
    await asked(town)
    before = len(town.told)
    await resolve(town)
    assert [one.event.kind for one in town.told[before:]] == [
        "need_answered",
        "bead_submitted",
        "merge_state_changed",
    ]
    town.store.forget(3 - kept)
    again = await town.restarted()
    await reconcile(again.kit)
    state = again.bus.state
    assert (state.needs_you, state.beads[B].status, state.beads[R].status) == ({}, "submitted", "discarded")
    await work(again)
    assert state.stage == "landed"
