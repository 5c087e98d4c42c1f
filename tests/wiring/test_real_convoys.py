"""Convoys of real work in the window: begun on the command line, they go on with the key of the keyring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest

from gastown_desktop.adapters.keychain import SERVICE
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ledger import limit_kind
from gastown_desktop.core.money import usd
from tests.e2e.conftest import CommandLine
from tests.e2e.real_work import GATE, KEY, Shape, make_repository, script, write_beads
from tests.e2e.test_limits import earlier
from tests.fakes.memory_keyring import MemoryKeyring
from tests.messages_api.running import RunningServer, running
from tests.wiring.test_engine import Window

BEADS = 6
WITH_KEY = {"ANTHROPIC_API_KEY": KEY}
OTHER = "sk-test-other-111111"


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    before, ring = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running(script(Shape(turns=3, spread=2, output_tokens=100))) as server:
        yield server


async def test_one_that_the_provider_stopped_goes_on_in_the_window(
    home: Path, tmp_path: Path, server: RunningServer, ring: MemoryKeyring
) -> None:
    line = CommandLine(tmp_path, shared=True)
    repo = make_repository(tmp_path / "repo", 2).folder
    write_beads(tmp_path / "beads.jsonl", 2, 2)
    server.control({"expire_key": KEY, "add_key": OTHER})
    asked = ("--beads", tmp_path / "beads.jsonl", "--base-url", server.url, "--gate", GATE)
    with_key = {"ANTHROPIC_API_KEY": KEY}
    line.run("run", repo, *asked, "--cap", "5", "--trust", "--yes", environment=with_key).ended(3)

    window = Window(line.data)
    await window.engine.start()
    try:
        await window.engine.open(repo)
        convoy = window.state.convoy
        with pytest.raises(Refused, match="no key"):
            await window.engine.go_on(convoy)
        ring.set_password(SERVICE, server.url, OTHER)
        await window.engine.go_on(convoy)
        await window.until(lambda: window.runs()[-1:] == [False])
        assert window.state.stage == "ready_to_land"
        assert len(window.state.merged()) == 2
        assert await window.engine.evidence(convoy) is None
        (result,) = line.rig().glob("convoys/*/result.json")
        assert convoy in result.read_text()
    finally:
        await window.engine.shut_down()


async def stopped_by(
    line: CommandLine, server: RunningServer, ring: MemoryKeyring, repo: Path, setting: str
) -> Window:
    """A window on a convoy that a limit of the settings stopped on the command line."""
    line.data.mkdir(parents=True, exist_ok=True)
    (line.data / "settings.toml").write_text(f"# mine\n{setting} = 0.11\n")
    write_beads(repo.parent / "beads.jsonl", BEADS, BEADS)
    asked = ("--beads", repo.parent / "beads.jsonl", "--base-url", server.url, "--gate", GATE)
    more = ("--cap", "5", "--trust", "--yes", "--polecats", "3")
    line.run("run", repo, *asked, *more, environment=WITH_KEY).ended(3)
    ring.set_password(SERVICE, server.url, KEY)
    window = Window(line.data)
    await window.engine.start()
    await window.engine.open(repo)
    return window


@pytest.mark.parametrize(("setting", "kind"), [("day_cap", "day"), ("town_cap", "town")])
async def test_a_limit_beyond_the_convoys_is_named_raised_and_the_convoy_goes_on(
    home: Path, tmp_path: Path, server: RunningServer, ring: MemoryKeyring, setting: str, kind: str
) -> None:
    line = CommandLine(tmp_path, shared=True)
    repo = make_repository(tmp_path / "repo", BEADS).folder
    window = await stopped_by(line, server, ring, repo, setting)
    try:
        convoy, need = window.state.convoy, window.state.needs_you["limit"]
        assert (limit_kind(need.scope), need.cap) == (kind, usd("0.11"))
        sent, spent = len(server.requests()), server.bill(idle=True)["total_nano"]
        assert spent <= usd("0.11")

        await window.engine.go_on(convoy)  # nothing was raised: it stops again, for nothing
        await window.until(lambda: window.runs() == [True, False])
        assert len(server.requests()) == sent
        assert window.state.needs_you["limit"].scope == need.scope
        meter = window.view.meter()
        assert meter is not None
        assert (meter.scope, meter.cap) == (need.scope, usd("0.11"))

        settings = await window.engine.set_setting(setting, usd("4"))  # pyright: ignore[reportArgumentType]
        assert getattr(settings, setting) == usd("4")
        assert (line.data / "settings.toml").read_text() == f"# mine\n{setting} = 4\n"
        await window.engine.resume(convoy)
        await window.until(lambda: window.runs() == [True, False, True, False])
        assert window.state.stage == "ready_to_land"
        assert len(window.state.merged()) == BEADS
        assert window.state.needs_you == {}
        assert window.state.caps[f"convoy:{convoy}"] == usd("5"), "the convoy's own limit is as it was"
        changed = [one.event for one in window.view.timeline if isinstance(one.event, ev.CapChanged)]
        (told,) = [one for one in changed if one.scope == need.scope]
        assert (told.old, told.new) == (usd("0.11"), usd("4"))
    finally:
        await window.engine.shut_down()


async def test_a_convoy_that_runs_hears_of_another_limit_of_the_day_at_once(
    home: Path, tmp_path: Path, server: RunningServer, ring: MemoryKeyring
) -> None:
    line = CommandLine(tmp_path, shared=True)
    repo = make_repository(tmp_path / "repo", BEADS).folder
    window = await stopped_by(line, server, ring, repo, "day_cap")
    try:
        convoy, scope = window.state.convoy, window.state.needs_you["limit"].scope
        await window.engine.set_setting("day_cap", usd("3"))
        server.control({"latency": 0.5})
        await window.engine.resume(convoy)
        await window.engine.set_setting("day_cap", usd("4"))
        await window.until(lambda: window.view.glance.meters[scope].cap == usd("4"))
        assert window.runs()[-1:] == [True]
        await window.engine.set_setting("day_cap", usd("0.01"))  # below what is spent: it blocks at once
        await window.until(lambda: "limit" in window.state.needs_you)
        assert window.state.needs_you["limit"].cap == usd("0.01")
        server.control({"latency": 0.0})
        await window.engine.set_setting("day_cap", None)
        await window.engine.resume(convoy)
        await window.until(lambda: window.state.stage == "ready_to_land")
    finally:
        await window.engine.shut_down()


async def test_an_absence_is_told_also_of_a_convoy_that_does_not_run(
    home: Path, tmp_path: Path, server: RunningServer, ring: MemoryKeyring
) -> None:
    line = CommandLine(tmp_path, shared=True)
    repo = make_repository(tmp_path / "repo", 2).folder
    write_beads(tmp_path / "beads.jsonl", 2, 2)
    asked = ("--beads", tmp_path / "beads.jsonl", "--base-url", server.url, "--gate", GATE)
    away = ("--unattended", earlier(), "--unattended-cap", "3")
    line.run("run", repo, *asked, "--cap", "5", "--trust", "--yes", *away, environment=WITH_KEY).ended(0)
    window = Window(line.data)
    await window.engine.start()
    try:
        await window.engine.open(repo)
        absence = await window.engine.absence(window.state.convoy)
        assert absence is not None
        assert (absence.lasts, absence.at_most) == (True, usd("3"))
        assert absence.until is not None
        assert absence.spent > 0
    finally:
        await window.engine.shut_down()
