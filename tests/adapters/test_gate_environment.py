from __future__ import annotations

import os
from pathlib import Path

import pytest

from gastown_desktop.adapters.gate_environment import LocalGateEnvironment


class Machine:
    """A checkout with a bound environment, and a folder of programs."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.programs = folder / "checkout", folder / "programs"
        self.site = self.checkout / ".venv" / "lib" / "python3.11" / "site-packages"
        self.site.mkdir(parents=True)
        self.program("make", self.programs)
        self.program("python", self.checkout / ".venv" / "bin")
        self.variables = {"LANG": "C.UTF-8"}
        self.setup = ""
        self.steps: list[str] = []

    def program(self, name: str, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        return path

    def digest(self, command: str) -> str:
        return LocalGateEnvironment(
            self.checkout,
            (".venv",),
            path=str(self.programs),
            variables=self.variables,
            setup=self.setup,
            steps=self.steps,
        ).digest(command)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def touch(path: Path) -> None:
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1_000))


def test_the_same_environment_has_the_same_name(machine: Machine) -> None:
    assert machine.digest("make test") == machine.digest("make test")


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("make test", "programs/make"),
        ("A=1 cd x && (make -j2); true", "programs/make"),
        ("echo 'unfinished; make", "programs/make"),
        (".venv/bin/python -m pytest", "checkout/.venv/bin/python"),
        ("./.venv/bin/python check.py", "checkout/.venv/bin/python"),
    ],
)
def test_a_changed_program_is_another_environment(machine: Machine, command: str, program: str) -> None:
    before, path = machine.digest(command), machine.checkout.parent / program
    touch(path)
    after = machine.digest(command)
    path.write_text("#!/bin/sh\nexit 1\n")
    assert len({before, after, machine.digest(command)}) == 3


def test_a_program_that_another_link_leads_to_is_another_environment(machine: Machine) -> None:
    one, other = machine.program("one", machine.programs), machine.program("other", machine.programs)
    for path in (one, other):
        os.utime(path, ns=(5, 5))
    link = machine.programs / "tool"
    link.symlink_to(one)
    before = machine.digest("tool")
    link.unlink()
    link.symlink_to(other)
    assert machine.digest("tool") != before


def test_an_absolute_program_counts(machine: Machine) -> None:
    path = machine.program("elsewhere", machine.checkout.parent)
    before = machine.digest(f"{path} --all")
    touch(path)
    assert machine.digest(f"{path} --all") != before


def test_a_program_that_appears_in_a_folder_of_path_is_another_environment(machine: Machine) -> None:
    before = machine.digest("ruff check")
    machine.program("ruff", machine.programs)
    assert machine.digest("ruff check") != before


def test_what_the_command_does_not_call_does_not_count(machine: Machine) -> None:
    before = machine.digest("true")
    touch(machine.programs / "make")
    (machine.checkout / "new.py").write_text("")
    assert machine.digest("true") == before


def test_an_installed_package_is_another_environment(machine: Machine) -> None:
    os.utime(machine.site, ns=(5, 5))
    before = machine.digest("true")
    (machine.site / "package").mkdir()
    assert machine.digest("true") != before


def test_variables_and_the_setup_command_count(machine: Machine) -> None:
    before = machine.digest("true")
    machine.variables = {"LANG": "de_DE.UTF-8"}
    with_variable = machine.digest("true")
    machine.setup = "make deps"
    assert len({before, with_variable, machine.digest("true")}) == 3


def test_programs_of_the_setup_count(machine: Machine) -> None:
    machine.steps = ["make deps"]
    before = machine.digest("true")
    touch(machine.programs / "make")
    assert machine.digest("true") != before


def test_a_command_with_names_that_are_no_text_is_named_too(machine: Machine) -> None:
    assert machine.digest("caf\udce9 '\0'")
