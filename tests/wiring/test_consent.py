"""What the user agreed to is looked at again whenever a convoy is opened."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gastown_desktop.adapters.git.user_repository import fingerprint
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.money import usd
from gastown_desktop.core.prices import PRICES
from gastown_desktop.core.providers import provider_at
from gastown_desktop.engine.gates import Gate
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.work import StoredWork, WorkSettings
from gastown_desktop.wiring.access import ModelAccess
from gastown_desktop.wiring.running import Listening
from gastown_desktop.wiring.stored import require_trust_in, running
from gastown_desktop.wiring.working import WorkRequest, find_start, prepare_work
from gastown_desktop.wiring.workplace import Workplace, enter, open_workplace
from tests.builders import RepositoryBuilder, small_python_repository

MODEL = "claude-opus-5-5"
NOWHERE = "http://127.0.0.1:9"
KEY = "sk-test-0123456789"
CHECK = Gate("check", "python3 check.py")


@pytest.fixture
def small(tmp_path: Path) -> RepositoryBuilder:
    return small_python_repository(tmp_path / "greetings")


@pytest.fixture
async def place(small: RepositoryBuilder, data: Path) -> AsyncIterator[Workplace]:
    (small.folder / ".env").write_text("API_TOKEN=tok-8f3a9c1e\n")
    place = await open_workplace(small.folder, data)
    yield place
    await place.close()


async def prepared(
    place: Workplace, objects: GitObjects, *gates: Gate, trust: bool, said: list[str] | None = None
) -> StoredWork:
    settings = WorkSettings(
        polecats=1, gates=gates, cap=usd("5"), model=MODEL, base_url=NOWHERE, price=PRICES[MODEL]
    )
    request = WorkRequest(goal="x", start=await find_start(place, objects), settings=settings, trust=trust)
    return await prepare_work(
        place, objects, request, Listening(say=[].append if said is None else said.append)
    )


async def opens(place: Workplace, objects: GitObjects, work: StoredWork) -> bool:
    before = await fingerprint(place.git, place.facts)
    access = ModelAccess(provider=provider_at(NOWHERE), key=KEY)
    async with running(place, objects, work, before, access) as run:
        secrets = run.town.kit.secrets
        assert secrets.masked(f"{KEY} tok-8f3a9c1e") == "‹secret:provider key› ‹secret:API_TOKEN›"
        return True


async def test_a_convoy_whose_list_changed_is_not_opened_before_the_user_agrees_again(
    place: Workplace, small: RepositoryBuilder
) -> None:
    objects, said = await enter(place), list[str]()
    work = await prepared(place, objects, CHECK, trust=True, said=said)
    assert said[0].startswith("Trusted from now on with what would run (list ")
    assert await opens(place, objects, work)
    small.write(".git/hooks/pre-push", "#!/bin/sh\n", executable=True)
    with pytest.raises(Refused, match="hook: pre-push"):
        await opens(place, objects, work)
    await require_trust_in(place, work, trust=True)
    assert await opens(place, objects, work)


async def test_without_a_sandbox_the_commands_of_workers_need_consent_even_without_gates(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = await enter(place)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(shutil.which("git") or "git")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(Refused, match="unconfined: no sandbox"):
        await prepared(place, objects, trust=False)
    work = await prepared(place, objects, trust=True)
    assert await opens(place, objects, work)


async def test_a_gate_cannot_hide_on_the_terminal_or_pretend_to_be_several(place: Workplace) -> None:
    objects = await enter(place)
    gate = Gate("check", "rm x\r\x1b[2K\n  gate: check python3 check.py")
    with pytest.raises(Refused) as caught:
        await prepared(place, objects, gate, trust=False)
    (line,) = [line for line in str(caught.value).splitlines() if "gate:" in line]
    assert "rm x‹U+000D›‹U+001B›[2K‹U+000A›  gate: check python3 check.py" in line
