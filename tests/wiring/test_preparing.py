"""What working folders are prepared with: found at a launch, read at a start, read again when it failed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gastown_desktop.adapters.repository_config import parse
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, PolecatName, RigId
from gastown_desktop.core.money import usd
from gastown_desktop.core.preparation import LARGEST_COPY, MOST_COPIES, Preparation, SetupStep
from gastown_desktop.core.prices import PRICES
from gastown_desktop.core.projection import Projection, fold
from gastown_desktop.engine.gates import Gate
from gastown_desktop.engine.git_ports import Slot
from gastown_desktop.engine.town import FIX_SETUP, RED_BASE_ITEM, SETUP_ITEM
from gastown_desktop.engine.work import StoredWork, WorkSettings, load_work, store_work
from gastown_desktop.wiring.preparing import find_preparation, read_copies, with_setup_read_again
from gastown_desktop.wiring.town_parts import slot_files
from gastown_desktop.wiring.workplace import Workplace, enter, open_workplace
from tests.builders import RepositoryBuilder, small_python_repository

MODEL = "claude-opus-5-5"
CONFIG = parse(b"setup = 'make deps'\ncopy = ['*.local']")
TOKEN = "tok-8f3a9c1e"


@pytest.fixture
def small(tmp_path: Path) -> RepositoryBuilder:
    repo = small_python_repository(tmp_path / "greetings")
    repo.write(".gitignore", "*.local\n").commit("Ignore")
    repo.write("a.local", f"token = {TOKEN}\n").write("b.local", "b\n")
    return repo


@pytest.fixture
async def place(small: RepositoryBuilder, data: Path) -> AsyncIterator[Workplace]:
    place = await open_workplace(small.folder, data)
    yield place
    await place.close()


async def test_what_is_proposed_and_not_wanted_is_said_in_a_sentence(place: Workplace) -> None:
    said: list[str] = []
    found = await find_preparation(
        place, CONFIG, runs=True, copies=False, hosts=("pypi.org:443",), say=said.append
    )
    assert found == Preparation(steps=(SetupStep("make deps"),), hosts=("pypi.org:443",))
    assert said == [
        ".gastown.toml proposes to copy 2 ignored files (a.local, b.local): they stay where they are. "
        "Add --copy to let workers and gates have them."
    ]


async def test_without_running_anything_there_is_no_setup_and_no_host_for_it(place: Workplace) -> None:
    found = await find_preparation(place, CONFIG, runs=False, copies=True, hosts=("pypi.org:443",))
    assert found == Preparation(copied=("a.local", "b.local"))


async def test_only_so_many_files_are_copied(place: Workplace, small: RepositoryBuilder) -> None:
    for number in range(MOST_COPIES):
        small.write(f"{number}.local", "x")
    said: list[str] = []
    found = await find_preparation(place, CONFIG, runs=True, copies=True, say=said.append)
    assert len(found.copied) == MOST_COPIES
    assert said == [f"Not copied: 2 files beyond {MOST_COPIES}."]


async def test_copies_are_read_once_and_their_secrets_are_known_from_then_on(
    place: Workplace, small: RepositoryBuilder, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "f.local").write_text("of somebody else")
    small.symlink("linked", str(tmp_path / "elsewhere")).symlink("c.local", "a.local")
    os.mkfifo(small.folder / "d.local")
    small.write("e.local", bytes(LARGEST_COPY + 1))
    paths = ("a.local", "b.local", "c.local", "d.local", "e.local", "gone.local", "linked/f.local")
    paths += ("../elsewhere/f.local", ".git/config", str(tmp_path / "elsewhere" / "f.local"))
    copies = read_copies(place, Preparation(copied=paths))
    assert copies == {"a.local": f"token = {TOKEN}\n".encode(), "b.local": b"b\n"}
    assert place.secrets.masked(f"it is {TOKEN}") == "it is ‹secret:token›"


def test_a_copy_is_written_through_no_link_of_the_repository(tmp_path: Path) -> None:
    outside, slot = tmp_path / "outside", tmp_path / "slot"
    outside.mkdir()
    slot.mkdir()
    (slot / "config").symlink_to(outside)
    (slot / "x.local").symlink_to(outside / "x")
    files = slot_files(Slot("Nux", slot))
    for path in ("config/a.local", "x.local"):
        with pytest.raises(Exception, match=r"cannot be opened"):
            files.write(path, b"secret")
    assert not list(outside.iterdir())


# --- read again -----------------------------------------------------------------------------------


def work_at(base: str) -> StoredWork:
    settings = WorkSettings(
        polecats=1,
        gates=(Gate("check", "true"),),
        cap=usd("5"),
        model=MODEL,
        base_url="http://127.0.0.1:9",
        price=PRICES[MODEL],
        preparation=Preparation(steps=(SetupStep("false"),), hosts=("pypi.org:443",), copied=("a.local",)),
    )
    target = "refs/heads/main"
    return StoredWork(convoy=ConvoyId("cv-1"), goal="x", base=Oid(base), target=target, settings=settings)


WHERE: Any = {"rig": RigId("rig"), "convoy": ConvoyId("cv-1")}
NEED = ev.NeedsYou(**WHERE, item=SETUP_ITEM, about="setup", text="Setup failed")
BEAD = ev.BeadAdded(**WHERE, bead=BeadId("t-1"), title="Do")
SLUNG = ev.BeadSlung(
    **WHERE,
    bead=BeadId("t-1"),
    polecat=PolecatName("Nux"),
    epoch=1,
    base=Oid("0" * 40),
    branch="b",
    model="m",
)


def state_of(*events: ev.DurableEvent) -> Projection:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return fold([ev.Envelope(seq=number, at=at, event=event) for number, event in enumerate(events, 1)])


@pytest.mark.parametrize(
    ("events", "is_read"),
    [
        ((BEAD, NEED), True),
        ((BEAD, NEED, ev.NeedAnswered(**WHERE, item=SETUP_ITEM, answer=FIX_SETUP)), True),
        ((BEAD, ev.NeedsYou(**WHERE, item=RED_BASE_ITEM, about="gate", text="red")), True),
        ((BEAD,), False),
        ((BEAD, NEED, ev.NeedAnswered(**WHERE, item=SETUP_ITEM, answer="Setup works now.")), False),
        ((BEAD, SLUNG, NEED), False),
    ],
)
async def test_setup_is_read_again_while_it_failed_and_nobody_began(
    place: Workplace, small: RepositoryBuilder, events: tuple[ev.DurableEvent, ...], is_read: bool
) -> None:
    objects = await enter(place)
    work = work_at(small.git("rev-parse", "HEAD"))
    await store_work(objects, work)
    small.write(".gastown.toml", "setup = 'make deps'\ncopy = ['*']\n").commit("Mend the setup")
    said: list[str] = []
    found = await with_setup_read_again(place, objects, work, state_of(*events), say=said.append)
    steps = (SetupStep("make deps"),) if is_read else (SetupStep("false"),)
    preparation = replace(work.settings.preparation, steps=steps)
    assert found == replace(work, settings=replace(work.settings, preparation=preparation))
    assert await load_work(objects, work.convoy) == found
    assert said == (["Setup is now: make deps"] if is_read else [])


async def test_hosts_that_are_named_now_replace_those_of_before(
    place: Workplace, small: RepositoryBuilder
) -> None:
    objects = await enter(place)
    work = work_at(small.git("rev-parse", "HEAD"))
    small.write(".gastown.toml", "setup = 'false'\n").commit("The same")
    await store_work(objects, work)
    state = state_of(BEAD, NEED)
    assert await with_setup_read_again(place, objects, work, state) == work
    found = await with_setup_read_again(place, objects, work, state, hosts=("example.org:443",))
    assert found.settings.preparation.hosts == ("example.org:443",)
