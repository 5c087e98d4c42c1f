"""Convoys of real work in the window: begun on the command line, they go on with the key of the keyring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest

from gastown_desktop.adapters.keychain import SERVICE
from gastown_desktop.core.errors import Refused
from tests.e2e.conftest import CommandLine
from tests.e2e.real_work import GATE, KEY, Shape, make_repository, script, write_beads
from tests.fakes.memory_keyring import MemoryKeyring
from tests.messages_api.running import RunningServer, running
from tests.wiring.test_engine import Window

OTHER = "sk-test-other-111111"


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    before, ring = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running(script(Shape(turns=3, spread=0, output_tokens=50))) as server:
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
