"""The window's commands, carried out by the real engine on real adapters; only the network is played."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gastown_desktop.adapters.file_lock import FileLock
from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.sensitive import SensitiveChange
from gastown_desktop.engine.api import GateWish, RehearsalWish
from gastown_desktop.wiring.engine import Engine
from gastown_desktop.wiring.workplace import RIG_LOCK
from tests.builders import RepositoryBuilder, small_python_repository
from tests.e2e import left_behind
from tests.e2e.conftest import contents
from tests.fakes.clock import START

_PATIENCE_S = 60.0
LINGER_S = 0.05
CHECK = GateWish(name="check", command="python3 check.py")


class Window:
    """What a window has of the engine: the view that its events make, and a way to wait for them."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.view = TownView()
        self.glimpses: list[ev.EphemeralEvent] = []
        self._moved = asyncio.Event()
        self.engine = Engine(self._show, data, linger_s=LINGER_S)

    def _show(self, item: ev.Envelope | ev.EphemeralEvent) -> None:
        if not isinstance(item, ev.Envelope):
            self.glimpses.append(item)
        before = {card.bead: card for card in self.view.cards()}
        changes = Changes()
        self.view.apply(item, self.view.now or START, changes)
        moved = {card.bead for card in self.view.cards() if before.get(card.bead) != card}
        assert changes.convoys or moved <= changes.beads, item
        self._moved.set()

    @property
    def state(self) -> Projection:
        state = self.view.current
        assert state is not None
        return state

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until what was shown makes it hold."""
        async with asyncio.timeout(_PATIENCE_S):
            while not holds():
                self._moved.clear()
                await self._moved.wait()

    def runs(self) -> list[bool]:
        """Beginnings and ends of running, as they were shown."""
        return [one.running for one in self.glimpses if isinstance(one, ev.RunChanged)]

    def locks(self) -> list[bool]:
        """Whether each rig is free to be taken."""
        return [_is_free(rig) for rig in sorted((self.data / "rigs").iterdir())]


def _is_free(rig: Path) -> bool:
    try:
        FileLock(rig / RIG_LOCK, "The rig").close()
    except Refused:
        return False
    return True


@pytest.fixture
async def window(data: Path) -> AsyncIterator[Window]:
    made = Window(data)
    await made.engine.start()
    yield made
    async with asyncio.timeout(20):
        await made.engine.shut_down()


@pytest.fixture
def small(tmp_path: Path) -> RepositoryBuilder:
    return small_python_repository(tmp_path / "greetings")


async def open_trusted(window: Window, repo: RepositoryBuilder, gate: GateWish = CHECK) -> None:
    await window.engine.open(repo.folder)
    listed = await window.engine.runs_list((gate,))
    await window.engine.trust(listed.digest, (gate,))


async def run_to_the_end(window: Window, wish: RehearsalWish) -> ConvoyId:
    convoy = await window.engine.rehearse(wish)
    await window.until(lambda: window.runs() == [True, False])
    return convoy


# --- opening --------------------------------------------------------------------------------------


async def test_opening_says_what_is_there_and_changes_nothing(
    window: Window, small: RepositoryBuilder
) -> None:
    before = contents(small.folder)
    rig = await window.engine.open(small.folder)
    assert (rig.name, rig.branch, rig.commits, rig.convoys, rig.notes) == ("greetings", "main", 5, (), ())
    assert [recent.name for recent in await window.engine.recents()] == ["greetings"]
    assert contents(small.folder) == before


async def test_nothing_can_be_asked_of_a_repository_before_one_is_open(window: Window) -> None:
    with pytest.raises(Refused, match="No repository is open"):
        await window.engine.gates()


async def test_the_repositorys_own_gates_are_proposed_and_run_only_once_trusted(
    window: Window, small: RepositoryBuilder
) -> None:
    await window.engine.open(small.folder)
    assert await window.engine.gates() == (CHECK,)
    listed = await window.engine.runs_list((CHECK,))
    assert ("gate", "check", "python3 check.py") in listed.items
    assert not listed.trusted
    with pytest.raises(Refused, match="not trusted"):
        await window.engine.rehearse(RehearsalWish(gates=(CHECK,)))
    with pytest.raises(Refused, match="has changed since"):
        await window.engine.trust("another list", (CHECK,))
    await window.engine.trust(listed.digest, (CHECK,))
    assert (await window.engine.runs_list((CHECK,))).trusted
    assert window.locks() == [True]


def setup_logs(data: Path) -> list[Path]:
    return list(data.glob("rigs/*/rehearsals/*/setup.log"))


async def test_setup_and_files_that_the_user_lets_be_copied_belong_to_what_is_trusted(
    window: Window, small: RepositoryBuilder, data: Path
) -> None:
    text = f"setup = 'mkdir -p deps'\ncopy = ['*.local']\ngates = [{CHECK.command!r}]\n"
    small.write(".gastown.toml", text).write(".gitignore", "*.local\ndeps/\n").commit("Setup")
    small.write("db.local", "x\n")
    await window.engine.open(small.folder)
    listed = await window.engine.runs_list((CHECK,))
    assert listed.items[1:] == (("setup", "1", "mkdir -p deps"),)
    assert ("setup", "1", "mkdir -p deps") not in (await window.engine.runs_list(())).items
    (data / "settings.toml").write_text("copy_files = true\nsetup_hosts = ['pypi.org']\n")
    more = await window.engine.runs_list((CHECK,))
    assert more.items[2:] == (("copy", "db.local", ""), ("network", "pypi.org:443", "for setup only"))
    (data / "settings.toml").unlink()
    await window.engine.trust(listed.digest, (CHECK,))
    convoy = await run_to_the_end(window, RehearsalWish(gates=(CHECK,), last=1, polecats=1))
    evidence = await window.engine.evidence(convoy)
    assert evidence is not None
    assert evidence["tree_equal"]
    assert setup_logs(data)


# --- the sample from end to end -------------------------------------------------------------------


async def test_the_sample_is_rehearsed_from_end_to_end(window: Window, tmp_path: Path) -> None:
    folder = await window.engine.make_sample()
    await window.engine.open(folder)
    gates = await window.engine.gates()
    convoy = await run_to_the_end(window, RehearsalWish(gates=gates))
    state = window.state
    assert state.convoy == convoy
    assert state.stage == "landed"
    assert len(state.works()) == 12
    assert state.merged() == set(state.works())
    assert not [one for one in window.glimpses if isinstance(one, ev.Troubled)]
    planned = [one for one in window.glimpses if isinstance(one, ev.Progressed)]
    assert (planned[-1].task, planned[-1].done, planned[-1].all) == ("plan", 12, 12)
    meter = window.view.meter()
    assert meter is not None
    assert 0 < meter.settled <= (meter.cap or 0)
    assert meter.held == 0

    bill = await window.engine.bill(convoy)
    assert (bill.settled, bill.held) == (meter.settled, 0)
    assert sum(line.settled for line in bill.by_bead) == bill.settled
    bead = state.works()[0]
    transcript = await window.engine.transcript(convoy, bead)
    assert transcript.turns
    assert sum(turn.cost for turn in transcript.turns) == state.beads[bead].cost
    diff = await window.engine.diff(convoy, bead)
    assert sum(one.added for one in diff) == state.beads[bead].lines_added
    evidence = await window.engine.evidence(convoy)
    assert evidence is not None
    assert evidence["user_repo_untouched"] is True
    files = await window.engine.export_evidence(convoy, tmp_path / "report")
    assert sorted(file.suffix for file in files) == [".html", ".json", ".md"]
    assert json.loads((tmp_path / "report" / "evidence.json").read_text()) == evidence
    (kept,) = window.data.glob("rigs/*/rehearsals/*/evidence.json")
    assert sorted(kept.parent.glob("evidence*")) == [kept]
    kept.write_bytes(kept.read_bytes()[:1000])
    assert await window.engine.evidence(convoy) is None
    with pytest.raises(Refused, match="no report yet"):
        await window.engine.export_evidence(convoy, tmp_path / "another")
    await window.engine.close()
    assert left_behind.files(window.data) == []


# --- stopping, resuming, looking ------------------------------------------------------------------


async def test_a_convoy_stopped_in_the_middle_goes_on_where_it_was(
    window: Window, small: RepositoryBuilder
) -> None:
    before = contents(small.folder)
    await open_trusted(window, small)
    convoy = await window.engine.rehearse(RehearsalWish(gates=(CHECK,), polecats=2))
    await window.until(lambda: any(view.turns for view in window.state.beads.values()))
    await window.engine.stop(convoy)
    assert window.locks() == [True]
    assert window.state.stage != "landed"
    turns = {bead: view.turns for bead, view in window.state.beads.items()}
    await window.engine.resume(convoy)
    await window.until(lambda: window.runs() == [True, False, True, False])
    assert window.state.stage == "landed"
    assert window.state.merged() == set(window.state.works())
    assert all(window.state.beads[bead].turns >= count for bead, count in turns.items())
    assert left_behind.files(window.data) == []
    assert contents(small.folder) == before


async def test_what_is_asked_of_a_convoy_that_ends_is_answered_before_it_is_closed(
    window: Window, small: RepositoryBuilder
) -> None:
    await open_trusted(window, small)
    convoy = await window.engine.rehearse(RehearsalWish(gates=(CHECK,)))
    async with window.engine._convoys.wired(convoy) as run:
        await window.until(lambda: window.state.stage == "landed")
        await asyncio.sleep(1)
        assert await run.objects.tree_of(await run.town.kit.tip())
        assert window.runs() == [True]
    await window.until(lambda: window.runs() == [True, False])


async def test_stopping_what_does_not_run_does_nothing(window: Window, small: RepositoryBuilder) -> None:
    await window.engine.open(small.folder)
    await window.engine.stop(ConvoyId("cv-none"))
    await window.engine.close()
    await window.engine.close()


async def test_a_second_convoy_is_refused_while_one_runs(window: Window, small: RepositoryBuilder) -> None:
    await open_trusted(window, small)
    convoy = await window.engine.rehearse(RehearsalWish(gates=(CHECK,)))
    with pytest.raises(Refused, match="runs here already"):
        await window.engine.rehearse(RehearsalWish(gates=(CHECK,)))
    await window.engine.stop(convoy)


async def test_closing_stops_what_runs_and_a_later_start_shows_its_history(
    window: Window, small: RepositoryBuilder
) -> None:
    await open_trusted(window, small)
    convoy = await window.engine.rehearse(RehearsalWish(gates=(CHECK,)))
    await window.until(lambda: window.state.stage == "running" or bool(window.state.polecats))
    await window.engine.close()
    assert window.runs() == [True, False]
    assert window.locks() == [True]
    timeline = list(window.view.timeline)
    window.view.forget()
    rig = await window.engine.open(small.folder)
    assert rig.convoys == (convoy,)
    assert window.view.timeline[: len(timeline)] == timeline


async def test_a_convoy_that_is_looked_at_gives_its_rig_back_soon(
    window: Window, small: RepositoryBuilder
) -> None:
    await open_trusted(window, small)
    convoy = await run_to_the_end(window, RehearsalWish(gates=(CHECK,)))
    assert window.locks() == [True]
    await asyncio.gather(*(window.engine.bill(convoy) for _ in range(3)))
    assert window.locks() == [False]
    async with asyncio.timeout(10):
        while window.locks() == [False]:  # noqa: ASYNC110 - a lock tells nobody that it is free
            await asyncio.sleep(LINGER_S)


async def test_the_end_does_not_wait_for_what_is_looked_at(data: Path, small: RepositoryBuilder) -> None:
    window = Window(data)
    window.engine = Engine(window._show, data, linger_s=3_600)
    await window.engine.start()
    await open_trusted(window, small)
    convoy = await run_to_the_end(window, RehearsalWish(gates=(CHECK,)))
    await window.engine.bill(convoy)
    assert window.locks() == [False]
    async with asyncio.timeout(10):
        await window.engine.shut_down()
    assert window.locks() == [True]


async def test_a_rig_that_another_process_has_is_refused_in_words(
    window: Window, small: RepositoryBuilder
) -> None:
    await open_trusted(window, small)
    convoy = await run_to_the_end(window, RehearsalWish(gates=(CHECK,)))
    (rig,) = (window.data / "rigs").iterdir()
    other = FileLock(rig / RIG_LOCK, "Work on this repository")
    try:
        for asked in (
            window.engine.rehearse(RehearsalWish(gates=(CHECK,))),
            window.engine.bill(convoy),
            window.engine.gates(),
        ):
            with pytest.raises(Refused, match="Work on this repository"):
                await asked
    finally:
        other.close()
    assert (await window.engine.bill(convoy)).convoy == convoy


# --- the limit and answers ------------------------------------------------------------------------


async def test_a_reached_limit_waits_and_raised_it_goes_on(window: Window, small: RepositoryBuilder) -> None:
    await open_trusted(window, small)
    convoy = await window.engine.rehearse(RehearsalWish(gates=(CHECK,), cap=60_000_000, polecats=2))
    await window.until(lambda: window.runs() == [True, False])
    ((_, need),) = window.view.needs()
    assert need.about == "limit"
    with pytest.raises(Refused, match="not raised by words"):
        await window.engine.answer(convoy, need.item, "Go on.")
    await window.engine.set_cap(convoy, 90_000_000_000)
    scope = f"convoy:{convoy}"
    assert window.state.caps[scope] == 90_000_000_000
    await window.engine.resume(convoy)
    await window.until(lambda: window.runs() == [True, False, True, False])
    assert window.state.stage == "landed"
    assert window.view.needs() == []
    bill = await window.engine.bill(convoy)
    assert bill.cap == 90_000_000_000
    assert [cap for _, cap in bill.caps] == [60_000_000, 90_000_000_000]


async def test_an_item_that_nobody_asked_is_no_longer_to_be_answered(
    window: Window, small: RepositoryBuilder
) -> None:
    await open_trusted(window, small)
    convoy = await run_to_the_end(window, RehearsalWish(gates=(CHECK,)))
    with pytest.raises(Refused, match="answered already"):
        await window.engine.answer(convoy, "question x", "Yes.")


# --- landing --------------------------------------------------------------------------------------


async def test_a_rehearsal_lands_on_no_branch_of_the_users_by_accident(
    window: Window, small: RepositoryBuilder
) -> None:
    before = contents(small.folder)
    await open_trusted(window, small)
    convoy = await window.engine.rehearse(RehearsalWish(gates=(CHECK,)))
    await window.engine.stop(convoy)
    with pytest.raises(Refused, match="beads are not merged"):
        await window.engine.land(convoy, "main", {}, looked=True)
    for name in ("-f", "a b", "a..b~1", ""):
        with pytest.raises(Refused, match="no name of a branch"):
            await window.engine.landing(convoy, name)
    with pytest.raises(Refused, match="no branch of yours"):
        await window.engine.undo_land(convoy)
    assert contents(small.folder) == before


async def test_what_was_rehearsed_lands_on_a_new_branch_as_it_was_shown_and_is_undone(
    window: Window, small: RepositoryBuilder
) -> None:
    await open_trusted(window, small)
    convoy = await run_to_the_end(window, RehearsalWish(gates=(CHECK,)))
    start = small.git("rev-parse", "HEAD~5")
    small.git("branch", "try", start)
    sheet = await window.engine.landing(convoy, "try")
    assert sheet.stands_in_the_way == ""
    assert (sheet.branch, sheet.here, sheet.checked_out) == ("try", start, ())
    assert len(sheet.lines) == 5
    assert set(sheet.approved) == {line.bead for line in sheet.lines}
    assert all(line.paths for line in sheet.lines)
    outcome = await window.engine.land(convoy, "try", sheet.approved, looked=False)
    assert outcome.done, outcome.words
    assert small.git("rev-parse", "try") == sheet.lands
    assert small.git("diff", "--stat", "try", "main") == ""
    undone = await window.engine.undo_land(convoy)
    assert undone.done, undone.words
    assert small.git("rev-parse", "try") == start
    await window.engine.close()
    assert left_behind.files(window.data) == []


async def test_what_changes_what_is_run_lands_once_the_user_has_looked_at_it(
    window: Window, small: RepositoryBuilder
) -> None:
    small.write("Makefile", "check:\n\tpython3 check.py\n").commit("Make it")
    await open_trusted(window, small)
    convoy = await run_to_the_end(window, RehearsalWish(last=1, gates=(CHECK,)))
    (merged,) = window.state.merges.values()
    why = "it is run when something is installed or built"
    assert merged.sensitive == (f"Makefile: {why}",)
    start = small.git("rev-parse", "HEAD~1")
    small.git("branch", "try", start)
    sheet = await window.engine.landing(convoy, "try")
    assert [line.sensitive for line in sheet.lines] == [(SensitiveChange(path="Makefile", why=why),)]
    outcome = await window.engine.land(convoy, "try", sheet.approved, looked=False)
    assert not outcome.done
    assert "Somebody has to look at this before it lands: Makefile" in outcome.words
    assert small.git("rev-parse", "try") == start
    outcome = await window.engine.land(convoy, "try", sheet.approved, looked=True)
    assert outcome.done, outcome.words
    assert small.git("rev-parse", "try") == sheet.lands


async def test_branches_of_the_work_are_published_as_they_were_shown(
    window: Window, small: RepositoryBuilder
) -> None:
    await window.engine.open(small.folder)
    assert await window.engine.branches() == ()
    with pytest.raises(Refused, match="Nothing was done here yet"):
        await window.engine.publishing(("x",), "gastown")
    await open_trusted(window, small)
    convoy = await run_to_the_end(window, RehearsalWish(last=2, gates=(CHECK,)))
    first, *others = await window.engine.branches()
    assert (first.name, first.kind, first.convoy) == (f"convoy/{convoy}", "convoy", convoy)
    assert [one.kind for one in others] == ["landing"]
    before = contents(small.folder)
    (shown,) = await window.engine.publishing((first.name,), "mine")
    assert (shown.branch, shown.outcome, shown.before) == (f"mine/{convoy}", "created", None)
    assert contents(small.folder) == before
    (done,) = await window.engine.publish((first.name,), "mine")
    assert done == shown
    assert small.git("rev-parse", f"mine/{convoy}") == first.commit
    (again,) = await window.engine.publishing((first.name,), "mine")
    assert again.outcome == "there"


async def test_a_landing_that_is_not_what_was_agreed_to_is_refused(
    window: Window, small: RepositoryBuilder
) -> None:
    await open_trusted(window, small)
    convoy = await run_to_the_end(window, RehearsalWish(gates=(CHECK,)))
    start = small.git("rev-parse", "HEAD~5")
    small.git("branch", "try", start)
    sheet = await window.engine.landing(convoy, "try")
    other = dict.fromkeys(sheet.approved, "another patch")
    outcome = await window.engine.land(convoy, "try", other, looked=True)
    assert not outcome.done
    assert outcome.words
    assert small.git("rev-parse", "try") == start
