"""Slots are given out set up: once on each lock file, first on the base, and one failure is one item."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Mapping
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import DiskFull, SetupFailed, ToolRefused
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.preparation import Preparation, SetupStep
from gastown_desktop.core.secrets import Secret, Secrets
from gastown_desktop.core.witness import STALLED_S
from gastown_desktop.engine.process_ports import CommandResult
from gastown_desktop.engine.recovery import reconcile
from gastown_desktop.engine.setting_up import SetUpSlots
from gastown_desktop.engine.town import FIX_SETUP, LIMIT_ITEM, MACHINE_READY, SETUP_ITEM
from gastown_desktop.engine.witness import Witness
from tests.engine.running import LOOK, running
from tests.fakes.slots import said
from tests.fakes.town import FakeTown, found_town

SETUP = "make deps"
LOCK = {"uv.lock": b"1\n"}
COPIED = {"config/local.json": b"token tok-8f3a9c1e\n"}


class Setups:
    """A setup that makes `deps/ready` from the lock file, and what became of it."""

    def __init__(self) -> None:
        self.fails: list[CommandResult] = []
        self.ran: list[str] = []
        self.saw_copies: list[bool] = []
        self.log: list[str] = []

    def __call__(self, command: str, files: dict[str, bytes]) -> CommandResult:
        if command != SETUP:
            return said() if files.get("deps/ready") == files.get("uv.lock") else said("not ready", 1)
        self.ran.append(files["uv.lock"].decode().strip())
        self.saw_copies.append(COPIED.items() <= files.items())
        if self.fails:
            return self.fails.pop(0)
        files["deps/ready"] = files["uv.lock"]
        files["stray"] = b"x"
        return said("made\ntok-8f3a9c1e\n")


async def set_up_town(
    objects: PygitObjects, setups: Setups, copies: Mapping[str, bytes] = {}, **fields: Any
) -> FakeTown:
    town = await found_town(objects, uv_lock="1\n", a_py="a = 1\n", **fields)
    wire(town, setups, copies)
    return town


def wire(town: FakeTown, setups: Setups, copies: Mapping[str, bytes] = {}) -> None:
    town.sandbox.verdict = setups
    town.kit.sets_up, town.slots.copied = True, set(copies)
    town.kit.slots = SetUpSlots(
        town.slots,
        Preparation(steps=(SetupStep(SETUP, 60.0),), copied=tuple(copies)),
        copies,
        bus=town.bus,
        objects=town.objects,
        sandbox=town.sandbox,
        confinement=town.kit.confinement,
        files=town.kit.files,
        log=setups.log.append,
        secrets=Secrets([Secret("TOKEN", "tok-8f3a9c1e")]),
    )


@pytest.fixture
def setups() -> Setups:
    return Setups()


@pytest_asyncio.fixture
async def town(objects: PygitObjects, setups: Setups) -> FakeTown:
    return await set_up_town(objects, setups)


async def test_a_slot_is_set_up_once_for_a_lock_file(town: FakeTown, setups: Setups) -> None:
    other = await town.commit(town.base, "Sources", a_py="a = 2\n")
    locked = await town.commit(other, "Lock", uv_lock="2\n")
    for commit in (town.base, other, town.base, locked, other):
        slot = await town.kit.slots.prepare("Nux", commit)
        assert town.slots.files["Nux"].files["deps/ready"] == (b"2\n" if commit == locked else b"1\n")
        assert (await town.kit.slots.snapshot(slot)).tree == await town.objects.tree_of(commit)
    assert setups.ran == ["1", "2", "1"]
    await town.kit.slots.prepare("Ace", town.base)
    assert setups.ran[3:] == ["1"]


async def test_what_it_printed_is_logged_without_secrets(town: FakeTown, setups: Setups) -> None:
    await town.kit.slots.prepare("Nux", town.base)
    assert f"Nux at {town.base[:10]}: {SETUP}\nmade\n‹secret:TOKEN›\nended with 0\n" in setups.log
    assert "Nux: removed, as git does not ignore it: stray\n" in setups.log


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            said("no network\ntok-8f3a9c1e", 7),
            "Setup failed: `make deps` ended with 7. It said last:\nno network",
        ),
        (said("", -9, timed_out=True), "Setup failed: `make deps` took longer than 60 s."),
    ],
)
async def test_a_failure_says_which_command_and_how_and_leaves_nothing(
    town: FakeTown, setups: Setups, result: CommandResult, words: str
) -> None:
    setups.fails = [result]
    with pytest.raises(SetupFailed) as failed:
        await town.kit.slots.prepare("Nux", town.base)
    assert str(failed.value).startswith(words)
    assert "tok-8f3a9c1e" not in str(failed.value) + "".join(setups.log)
    assert "keep Nux" not in town.slots.journal


async def test_thirty_workers_on_one_tree_try_a_failing_setup_once_until_somebody_answers(
    town: FakeTown, setups: Setups
) -> None:
    setups.fails = [said("broken", 1)]
    names = [f"w{number}" for number in range(30)]
    slots = town.kit.slots
    outcomes = await asyncio.gather(
        *(slots.prepare(name, town.base) for name in names), return_exceptions=True
    )
    assert {type(one) for one in outcomes} == {SetupFailed}
    assert len(setups.ran) == 1
    await town.bus.publish(
        ev.NeedsYou(**town.where, item="x", about="setup", text=""),
        ev.NeedAnswered(**town.where, item="x", answer="Try again"),
    )
    await asyncio.gather(*(slots.prepare(name, town.base) for name in names))
    assert len(setups.ran) == 31


async def test_copied_files_come_anew_with_each_use_and_before_the_setup(
    objects: PygitObjects, setups: Setups
) -> None:
    town = await set_up_town(objects, setups, COPIED)
    await town.kit.slots.prepare("Nux", town.base)
    assert setups.saw_copies == [True]
    files = town.slots.files["Nux"].files
    files["config/local.json"] = files["config/local.json"] + b"edited"
    await town.kit.slots.prepare("Nux", town.base)
    assert town.slots.files["Nux"].files["config/local.json"] == COPIED["config/local.json"]


async def test_a_full_disk_leaves_no_half_copied_file_to_work_with(
    objects: PygitObjects, setups: Setups
) -> None:
    town = await set_up_town(objects, setups, COPIED)

    class OnAFullDisk:
        def write(self, path: str, _: bytes) -> None:
            cause = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise ToolRefused(f"{path} cannot be written.") from cause

    town.kit.slots._files = lambda _: OnAFullDisk()  # type: ignore[attr-defined]
    with pytest.raises(DiskFull):
        await town.kit.slots.prepare("Nux", town.base)


async def test_a_file_that_is_tracked_by_now_is_not_copied_over(
    objects: PygitObjects, setups: Setups
) -> None:
    town = await set_up_town(objects, setups, {"a.py": b"copied\n"})
    await town.kit.slots.prepare("Nux", town.base)
    assert town.slots.files["Nux"].files["a.py"] == b"a = 1\n"


# --- a whole town ---------------------------------------------------------------------------------


async def test_a_setup_that_fails_on_the_base_starts_nothing_and_is_one_item(
    town: FakeTown, setups: Setups
) -> None:
    await town.add("gt-a", "gt-b", "gt-c")
    setups.fails = [said("no such package", 1)] * 2
    for runs in (1, 2):
        async with running(town, "check", fleet_size=3) as run:
            await run.ends()
        (need,) = town.bus.state.needs_you.values()
        assert (need.item, need.about, need.bead) == (SETUP_ITEM, "setup", None)
        assert need.options == (FIX_SETUP, "Cancel")
        assert need.text == "Setup failed: `make deps` ended with 1. It said last:\nno such package"
        assert len(setups.ran) == runs
    assert len(town.events("needs_you")) == 1
    assert (town.bus.state.stage, town.model.requests) == ("paused", [])
    assert town.events("bead_slung") == []
    async with running(town, "check", fleet_size=3) as run:
        for bead in ("gt-a", "gt-b", "gt-c"):
            run.hands_in(bead)
        await run.ends()
    assert town.bus.state.needs_you == {}
    assert town.bus.state.stage == "landed"


async def test_the_gate_and_all_workers_find_what_the_setup_made(town: FakeTown, setups: Setups) -> None:
    await town.add("gt-a", "gt-b")
    async with running(town, "check") as run:
        run.hands_in("gt-a")
        run.hands_in("gt-b")
        await run.ends()
    assert town.bus.state.stage == "landed"
    assert town.bus.state.base_green
    assert b"deps/ready" not in b"".join(await files_of(town))
    slots = {step.split()[1] for step in town.slots.journal if step.startswith("keep")}
    assert {"gate", "Nux"} <= slots


async def files_of(town: FakeTown) -> list[bytes]:
    return [name.encode() for name in await town.files_at(await town.tip())]


async def test_a_lock_file_that_cannot_be_installed_is_the_candidates_red(
    town: FakeTown, setups: Setups
) -> None:
    await town.add("gt-a")
    gates = town.runner("check")
    await gates.set_up(town.base)
    broken = await town.commit(town.base, "Break the lock", uv_lock="broken\n")
    setups.fails = [said("cannot resolve broken", 1)]
    result = await gates.check(broken, purpose="candidate")
    assert not result.green
    assert "Setup failed: `make deps` ended with 1. It said last:\ncannot resolve broken" in result.tail


async def test_a_setup_that_fails_for_a_worker_stops_the_fleet_once_and_goes_on_when_answered(
    town: FakeTown, setups: Setups
) -> None:
    await town.add("gt-a", "gt-b", "gt-c")
    async with running(town, fleet_size=3) as run:
        await run.until(lambda: setups.ran == ["1"])
        setups.fails = [said("disk on fire", 1)] * 3
        await run.ends()
    need = town.bus.state.needs_you[LIMIT_ITEM]
    assert (need.about, need.options) == ("setup", (MACHINE_READY["setup"],))
    assert "disk on fire" in need.text
    reasons = {one.reason for one in town.events("polecat_state_changed") if one.state == "paused"}
    assert reasons == {"setup: Setup failed: `make deps` ended with 1."}
    assert town.model.requests == []
    setups.fails = []
    await town.bus.publish(ev.NeedAnswered(**town.where, item=LIMIT_ITEM, answer=MACHINE_READY["setup"]))
    later = await town.restarted()
    wire(later, setups)
    async with running(later, fleet_size=3, hooks=await reconcile(later.kit)) as run:
        for bead in ("gt-a", "gt-b", "gt-c"):
            run.hands_in(bead)
        await run.ends()
    assert len(later.bus.state.merged()) == 3


async def test_a_restart_between_setup_and_first_turn_goes_on_with_the_same_bead(
    town: FakeTown, setups: Setups
) -> None:
    await town.add("gt-a")
    async with running(town, fleet_size=1) as run:
        await run.is_asked("gt-a")
    later = await town.restarted()
    wire(later, setups)
    hooks = await reconcile(later.kit)
    async with running(later, fleet_size=1, hooks=hooks) as run:
        run.hands_in("gt-a")
        await run.ends()
    assert later.bus.state.merged() == {BeadId("gt-a")}


async def test_the_witness_leaves_a_worker_alone_whose_copy_is_being_set_up(
    town: FakeTown, setups: Setups
) -> None:
    await town.add("gt-a")
    may_go_on = asyncio.Event()
    prepare = town.kit.slots.prepare

    async def long(name: str, commit: Any) -> Any:
        if name != "gate":
            await may_go_on.wait()
        return await prepare(name, commit)

    town.kit.slots.prepare = long  # type: ignore[method-assign]
    async with running(town, fleet_size=1) as run:
        await run.until(lambda: bool(town.kit.preparing))
        witness = Witness(town.kit, run.whole._dispatcher.supervisor)
        town.clock.elapsed_s += 3 * STALLED_S
        witness.look()
        may_go_on.set()
        await run.is_asked("gt-a")
        witness.look()
        run.says("gt-a", LOOK)
        run.hands_in("gt-a")
        await run.ends()
    assert town.events("needs_you") == []
    assert [one.state for one in town.events("polecat_state_changed")][:1] == ["working"]
    assert town.bus.state.merged() == {BeadId("gt-a")}
