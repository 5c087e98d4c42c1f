"""Conflicts that code settles: change logs, generated files, and what it leaves to a resolver."""

from __future__ import annotations

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.serialising import Generated, SerialisingFiles
from gastown_desktop.engine.process_ports import CommandResult
from tests.engine.test_resolving import script, work
from tests.fakes.slots import said
from tests.fakes.town import FakeTown, found_town, says, use

MAKE = "make lock"
RULES = SerialisingFiles(union=("CHANGES.txt",), generated=(Generated(path="lock.txt", command=MAKE),))


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    """A town with rules; the lock file lists all other files, and a resolver would ask."""
    town = await found_town(objects)
    await town.add("gt-a", "gt-b")
    town.kit.serialising = RULES
    town.sandbox.verdict = lambda command, files: made(command, files)
    script(town, gt_a_r1=[says(use("ask", question="?"))], gt_b_r1=[says(use("ask", question="?"))])
    return town


def made(command: str, files: dict[str, bytes]) -> CommandResult:
    if command == MAKE:
        files["lock.txt"] = lock(files)
    return said()


def lock(files: dict[str, bytes]) -> bytes:
    return "".join(f"{name}\n" for name in sorted(files) if name != "lock.txt").encode()


def how(town: FakeTown) -> list[str]:
    return [event.settled for event in town.events("bead_merged")]


async def test_lines_of_a_change_log_are_kept_from_both_sides(town: FakeTown) -> None:
    await town.submit("gt-a", CHANGES_txt="A\n")
    await town.submit("gt-b", CHANGES_txt="B\n")
    await work(town, "check")
    assert how(town) == ["", "union"]
    assert (await town.files_at(await town.tip()))["CHANGES.txt"] == b"A\nB\n"
    assert town.events("merge_state_changed") == []


async def test_a_generated_file_is_made_anew_from_both_sides(town: FakeTown) -> None:
    await town.submit("gt-a", one_txt="1\n", lock_txt="a.txt\none.txt\n")
    await town.submit("gt-b", two_txt="2\n", lock_txt="a.txt\ntwo.txt\n")
    await work(town, "check")
    assert how(town) == ["", "generated"]
    files = await town.files_at(await town.tip())
    assert files["lock.txt"] == lock(files) == b"a.txt\none.txt\ntwo.txt\n"
    green = {run.tree for run in town.events("gate_run") if run.green}
    assert await town.objects.tree_of(await town.tip()) in green


async def test_both_at_once(town: FakeTown) -> None:
    await town.submit("gt-a", one_txt="1\n", lock_txt="1\n", CHANGES_txt="A\n")
    await town.submit("gt-b", two_txt="2\n", lock_txt="2\n", CHANGES_txt="B\n")
    await work(town, "check")
    assert how(town) == ["", "generated"]
    files = await town.files_at(await town.tip())
    assert files["CHANGES.txt"] == b"A\nB\n"
    assert files["lock.txt"] == lock(files)


async def test_a_conflict_beside_is_a_resolver_s(town: FakeTown) -> None:
    await town.submit("gt-a", CHANGES_txt="A\n", a_txt="A\n")
    await town.submit("gt-b", CHANGES_txt="B\n", a_txt="B\n")
    await work(town, "check")
    assert how(town) == [""]
    assert len(town.bus.state.resolvers_of(BeadId("gt-b"))) == 1


@pytest.mark.parametrize("failing", ["exits", "makes nothing"])
async def test_a_command_that_fails_leaves_the_conflict_to_a_resolver(town: FakeTown, failing: str) -> None:
    def verdict(command: str, files: dict[str, bytes]) -> CommandResult:
        if command == MAKE:
            files.pop("lock.txt", None)
        return said("no", 1 if failing == "exits" and command == MAKE else 0)

    town.sandbox.verdict = verdict
    await town.submit("gt-a", lock_txt="1\n")
    await town.submit("gt-b", lock_txt="2\n")
    await work(town, "check")
    assert len(town.bus.state.resolvers_of(BeadId("gt-b"))) == 1


async def test_without_a_gate_nothing_is_settled_by_code(town: FakeTown) -> None:
    await town.submit("gt-a", CHANGES_txt="A\n", lock_txt="1\n")
    await town.submit("gt-b", CHANGES_txt="B\n", lock_txt="2\n")
    await work(town)
    assert len(town.bus.state.resolvers_of(BeadId("gt-b"))) == 1
    assert MAKE not in [ran.command for ran in town.sandbox.ran]
