"""Settings, as the window asks the engine for them: real files, a real repository."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gastown_desktop import __version__
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.money import usd
from gastown_desktop.engine.api import GateWish, SettingName, Settings
from gastown_desktop.wiring.engine import Engine
from tests.builders import RepositoryBuilder, small_python_repository

CHECK = GateWish(name="check", command="python3 check.py")


@pytest.fixture
async def engine(data: Path) -> AsyncIterator[Engine]:
    made = await Engine(lambda _: None, data).start()
    yield made
    await made.shut_down()


@pytest.fixture
def small(tmp_path: Path) -> RepositoryBuilder:
    return small_python_repository(tmp_path / "greetings")


async def test_without_a_file_everything_is_default(engine: Engine, data: Path) -> None:
    assert await engine.settings() == Settings(file=data / "settings.toml", data=data)


async def test_a_setting_is_written_and_read_back(engine: Engine, data: Path) -> None:
    settings = await engine.set_setting("rehearsal_limit", usd("12.50"))
    assert settings == await engine.settings()
    assert (settings.rehearsal_limit, settings.given) == (usd("12.50"), {"rehearsal_limit"})
    assert (data / "settings.toml").read_text() == "rehearsal_limit_usd = 12.5\n"
    assert (await engine.set_setting("rehearsal_limit", None)).given == frozenset()


@pytest.mark.parametrize("name", ["day_cap", "town_cap"])
async def test_a_limit_beyond_a_convoys_is_dollars_in_the_file(
    engine: Engine, data: Path, name: SettingName
) -> None:
    assert getattr(await engine.settings(), name) is None
    settings = await engine.set_setting(name, usd("20.50"))
    assert settings == await engine.settings()
    assert (getattr(settings, name), settings.given) == (usd("20.50"), {name})
    assert (data / "settings.toml").read_text() == f"{name} = 20.5\n"
    with pytest.raises(Refused, match=name):
        await engine.set_setting(name, 0)
    assert getattr(await engine.set_setting(name, None), name) is None
    assert (data / "settings.toml").read_text() == ""


async def test_a_file_that_cannot_be_read_is_told_and_stays(engine: Engine, data: Path) -> None:
    file = data / "settings.toml"
    file.write_text("polecats = many")
    settings = await engine.settings()
    assert (settings.polecats, settings.given) == (6, frozenset())
    assert settings.trouble.startswith(f"{file} cannot be read: ")
    assert settings.remedy == "Mend or remove it."
    with pytest.raises(Refused, match="cannot be read"):
        await engine.set_setting("polecats", 3)
    assert file.read_text() == "polecats = many"


async def test_a_repositorys_own_gates_and_its_trust_are_told(
    engine: Engine, small: RepositoryBuilder
) -> None:
    await engine.open(small.folder)
    found = await engine.configuration()
    assert (found.present, found.gates, found.ignored) == (True, (CHECK,), ())
    assert found.runs is not None
    assert (found.runs.items, found.runs.trusted) == ((("gate", "check", "python3 check.py"),), False)
    await engine.trust(found.runs.digest, found.gates)
    trusted = (await engine.configuration()).runs
    assert trusted is not None
    assert trusted.trusted


async def test_keys_that_a_repository_may_not_set_are_told(engine: Engine, small: RepositoryBuilder) -> None:
    small.write(".gastown.toml", 'model = "dear"\ngates = ["true"]\n')
    small.commit("Wish for more")
    await engine.open(small.folder)
    found = await engine.configuration()
    assert (found.ignored, [gate.command for gate in found.gates]) == (("model",), ["true"])


async def test_a_configuration_that_cannot_be_read_is_told(engine: Engine, small: RepositoryBuilder) -> None:
    small.write(".gastown.toml", "gates = 3\n")
    small.commit("Break it")
    await engine.open(small.folder)
    found = await engine.configuration()
    assert found.trouble.startswith(".gastown.toml: gates: ")
    assert found.remedy == "Mend it and commit it."


async def test_nothing_is_told_of_a_repository_before_one_is_open(engine: Engine) -> None:
    with pytest.raises(Refused, match="No repository is open"):
        await engine.configuration()


async def test_the_program_tells_its_version_and_what_it_ships_with(engine: Engine) -> None:
    about = await engine.about()
    parts = {name.lower(): licence for name, _, licence in about.parts}
    assert (about.version, about.licence) == (__version__, "MIT")
    assert "LGPL" in parts["pyside6_essentials"]
    assert parts["pygit2"].startswith("GPL")
    assert parts["inter"] == "OFL-1.1"
    assert "pytest" not in parts
    assert "unknown" not in parts.values()
