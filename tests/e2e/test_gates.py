from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.abilities import lacking
from tests.builders import RepositoryBuilder
from tests.e2e.conftest import GATE, CommandLine

if TYPE_CHECKING:
    from typing import Any

FAST = ("--last", "2", "--polecats", "2", "--json")


def test_red_base_is_rehearsed_ungated_and_says_so(
    command_line: CommandLine, small: RepositoryBuilder, tmp_path: Path
) -> None:
    given = ("rehearse", small.folder, *FAST, "--report", tmp_path / "report", "--trust")
    done = command_line.run(*given, "--gate", "echo broken build; false").ended(0)
    assert done.json["tree_equal"]
    assert not done.json["base_green"]
    assert not done.json["gate_sees"]
    assert "red before anything was changed" in done.err
    assert "broken build" in done.err
    assert "red before anything was changed" in (tmp_path / "report" / "evidence.md").read_text()


def test_gate_that_notices_nothing_is_warned_about(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    done = command_line.run("rehearse", small.folder, *FAST, "--gate", "true", "--trust").ended(0)
    assert done.json["tree_equal"]
    assert done.json["base_green"]
    assert not done.json["gate_sees"]
    assert "stays green when the source is broken" in done.err


@pytest.mark.parametrize(
    ("gate", "words"),
    [(("--gate", "true"), "stays green"), (("--gate", "false"), "is red"), (("--no-gate",), "no gate")],
)
def test_strict_gates_refuse_what_notices_nothing_before_anything_is_asked(
    command_line: CommandLine, small: RepositoryBuilder, gate: tuple[str, ...], words: str
) -> None:
    done = command_line.run("rehearse", small.folder, *FAST, *gate, "--trust", "--strict-gates").ended(2)
    assert done.out == ""
    assert words in done.err
    assert "--strict-gates" in done.err
    assert command_line.left_behind() == []
    (history,) = command_line.rig().glob("events/*.jsonl")
    assert "bead_slung" not in history.read_text()
    assert command_line.run("resume", small.folder, "--json").ended(2).out == ""


def test_strict_gates_go_on_with_a_gate_that_sees(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    given = ("rehearse", small.folder, *FAST, "--trust", "--strict-gates")
    done = command_line.run(*given).ended(0)
    assert done.json["gate_sees"]
    assert "check is green" in done.err


def test_gates_are_proposed_with_their_option_and_not_run(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    small.delete(".gastown.toml").write("Makefile", "check:\n\ttouch ran; python3 check.py\n")
    small.write("pyproject.toml", "[tool.pytest.ini_options]\n").write(".gitignore", ".venv\n")
    small.commit("Two ways to test")
    small.write(".venv/bin/python", "not tracked", executable=True)
    proposed = (
        "  --gate '.venv/bin/python -m pytest': pyproject.toml configures pytest\n"
        "  --gate 'make check': Makefile has the target check\n"
    )

    done = command_line.run("rehearse", small.folder, *FAST).ended(0)
    assert proposed in done.err
    assert done.json["gate_runs"] == 0
    assert not (small.folder / "ran").exists()

    assert "--gate" not in command_line.run("rehearse", small.folder, *FAST, "--no-gate").ended(0).err


@pytest.fixture
def with_a_breaker(small: RepositoryBuilder) -> RepositoryBuilder:
    """Two more commits: one turns the gate red by itself, one is innocent."""
    small.write("check.py", "import greet, limits\n\nassert limits.MOST < 9, 'too many: SECRET WORD'\n")
    small.write("limits.py", "MOST = 3\n").commit("Check the limits")
    small.write("limits.py", "MOST = 30\n").commit("Break the limits")
    small.write("other.py", "x = 1\n").commit("Something innocent")
    small.write("third.py", "x = 1\n").commit("Something else")
    return small


def test_commit_that_turns_the_gate_red_needs_you_and_all_others_merge(
    command_line: CommandLine, with_a_breaker: RepositoryBuilder
) -> None:
    given = ("rehearse", with_a_breaker.folder, "--last", "3", "--json", "--trust", "--gate", GATE)
    done = command_line.run(*given, "--check").ended(3)
    result = done.json
    assert result["gate_sees"]
    assert (result["beads"], result["merged"], result["rework"]) == (3, 2, 3)
    (need,) = result["needs_you"]
    assert need["about"] == "red"
    assert "SECRET WORD" in need["text"]
    assert need["bead"] is not None
    assert not result["tree_equal"]
    assert "Break the limits" in done.err
    assert result["check"]["ok"]
    assert [(one["path"], one["missing"]) for one in result["check"]["differences"]] == [
        ("limits.py", [need["bead"]])
    ]
    assert command_line.left_behind() == []


@pytest.fixture
def without_bubblewrap(tmp_path: Path) -> dict[str, str]:
    """A PATH with everything but bubblewrap, so that a gate can remember between its runs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).glob("*"):
            link = programs / program.name
            if program.name != "bwrap" and not link.is_symlink():
                link.symlink_to(program)
    found: Any = shutil.which("bwrap", path=str(programs))
    assert found is None
    return {"PATH": str(programs)}


def test_gate_that_fails_on_its_first_run_of_every_tree_blames_nobody(
    command_line: CommandLine, small: RepositoryBuilder, tmp_path: Path, without_bubblewrap: dict[str, str]
) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    mark = f'mark="{seen}/$(cat *.py README.md 2>/dev/null | cksum | tr " " -)"'
    first = f'{mark}; test -e "$mark" || {{ : >"$mark"; exit 1; }}; '
    given = ("rehearse", small.folder, "--last", "3", "--json", "--trust", "--gate", first + GATE)
    done = command_line.run(*given, environment=without_bubblewrap).ended(0)
    result = done.json
    assert "your rights" in done.err
    assert result["tree_equal"]
    assert result["base_green"]
    assert (result["merged"], result["rework"]) == (3, 0)
    assert result["gate_runs"] > 3


COUNTED = 'n=$(cat "{0}/n" 2>/dev/null || echo 0); n=$((n + 1)); echo $n >"{0}/n"; [ $((n % 5)) -ne 3 ] && '


def test_gate_that_is_red_in_every_fifth_run_blames_nobody_and_is_shown_in_quarantine(
    command_line: CommandLine, small: RepositoryBuilder, tmp_path: Path, without_bubblewrap: dict[str, str]
) -> None:
    gate = COUNTED.format(tmp_path) + GATE
    given = ("rehearse", small.folder, "--last", "5", "--json", "--trust", "--report", tmp_path / "report")
    done = command_line.run(*given, "--gate", gate, "--check", environment=without_bubblewrap).ended(0)
    result = done.json
    assert result["tree_equal"]
    assert (result["merged"], result["rework"], result["needs_you"]) == (5, 0, [])
    (shown,) = result["gates"]
    assert shown["quarantined"]
    assert shown["flips"] >= 1
    assert shown["sees"]
    assert shown["reds_needed"] > 2
    assert "gate 1 is in quarantine" in done.err
    assert "reds in a row count" in (tmp_path / "report" / "evidence.md").read_text()
    assert result["check"]["ok"]


def test_second_rehearsal_on_the_same_tip_runs_less_and_is_as_good(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    given = ("rehearse", small.folder, *FAST, "--trust", "--check")
    first, second = (command_line.run(*given).ended(0).json for _ in range(2))
    assert first["gate_cached"] == 1, "only the landing asks about the tip once more"
    assert second["gate_runs"] < first["gate_runs"]
    assert second["gate_cached"] >= 4  # base, broken source, the last prefix at least, and the landing
    assert second["gate_sees"]
    assert second["tree_equal"]
    assert second["check"]["ok"]
    (shown,) = second["gates"]
    assert shown["known_runs"] >= first["gates"][0]["known_runs"]


def test_damaged_memory_of_gates_is_no_error(command_line: CommandLine, small: RepositoryBuilder) -> None:
    given = ("rehearse", small.folder, *FAST, "--trust")
    runs = command_line.run(*given).ended(0).json["gate_runs"]
    memory = command_line.rig() / "gates.jsonl"
    memory.write_bytes(bytes(byte ^ 0x55 for byte in memory.read_bytes()))
    result = command_line.run(*given).ended(0).json
    assert result["gate_cached"] == 1, "only the landing's"
    assert result["gate_runs"] >= runs - 2


def test_each_gate_is_judged_for_itself(command_line: CommandLine, small: RepositoryBuilder) -> None:
    small.write(".gastown.toml", f'gates = ["{GATE}", "test -e check.py"]\n').commit("Two gates")
    given = ("rehearse", small.folder, *FAST, "--trust", "--strict-gates")
    done = command_line.run(*given).ended(0)
    assert done.json["gate_sees"]
    assert {gate["name"]: gate["sees"] for gate in done.json["gates"]} == {"gate 1": True, "gate 2": False}
    assert "gate 2 stays green when the source is broken" in done.err


# --- packages that are installed ------------------------------------------------------------------

SYSTEM_PYTHON = "/usr/bin/python3"
"""Seen in a sandbox, unlike an interpreter below somebody's HOME."""


@pytest.fixture
def bubblewrap() -> None:
    if shutil.which("bwrap") is None:
        lacking("bubblewrap is not installed")


@pytest.fixture
def library(tmp_path: Path) -> RepositoryBuilder:
    """A library with its sources in `src`, tested by what `import lib` finds."""
    repo = RepositoryBuilder(tmp_path / "library")
    repo.write("src/lib/__init__.py", "def add(a, b):\n    return a + b\n").write(".gitignore", ".venv\n")
    repo.write("check.py", "import lib\n\nassert lib.add(1, 2) == 3\n").commit("Start")
    repo.write("src/lib/more.py", "x = 1\n").commit("Add more")
    repo.write("src/lib/__init__.py", "def add(a, b):\n    return b + a\n").commit("Add the other way")
    subprocess.run([SYSTEM_PYTHON, "-m", "venv", "--without-pip", repo.folder / ".venv"], check=True)
    return repo


def packages(library: RepositoryBuilder) -> Path:
    (found,) = library.folder.glob(".venv/lib/*/site-packages")
    return found


@pytest.mark.usefixtures("bubblewrap")
def test_editable_install_in_the_checkout_s_environment_tests_the_slot(
    command_line: CommandLine, library: RepositoryBuilder
) -> None:
    (packages(library) / "library.pth").write_text(f"{library.folder}/src\n")
    given = ("rehearse", library.folder, *FAST, "--trust", "--strict-gates")
    done = command_line.run(*given, "--gate", ".venv/bin/python check.py").ended(0)
    assert done.json["gate_sees"]
    assert done.json["tree_equal"]


def test_editable_install_tests_the_slot_without_a_sandbox_too(
    command_line: CommandLine, library: RepositoryBuilder, without_bubblewrap: dict[str, str]
) -> None:
    (packages(library) / "library.pth").write_text(f"{library.folder}/src\n")
    given = ("rehearse", library.folder, *FAST, "--trust", "--strict-gates", "--gate", "python check.py")
    done = command_line.run(*given, environment=without_bubblewrap).ended(0)
    assert "your rights" in done.err
    assert done.json["gate_sees"]


@pytest.mark.usefixtures("bubblewrap")
def test_gate_that_tests_an_installed_copy_sees_nothing(
    command_line: CommandLine, library: RepositoryBuilder
) -> None:
    """The package and its tests were installed as a copy, which no change in a slot reaches."""
    shutil.copytree(library.folder / "src" / "lib", packages(library) / "lib")
    shutil.copy(library.folder / "check.py", packages(library) / "lib_check.py")
    gate = ("--gate", ".venv/bin/python -m lib_check", "--trust")
    done = command_line.run("rehearse", library.folder, *FAST, *gate).ended(0)
    assert not done.json["gate_sees"]
    assert "stays green when the source is broken" in done.err
    assert command_line.run("rehearse", library.folder, *FAST, *gate, "--strict-gates").ended(2).out == ""


@pytest.mark.usefixtures("bubblewrap")
def test_new_package_in_the_environment_is_another_environment(
    command_line: CommandLine, library: RepositoryBuilder
) -> None:
    (packages(library) / "library.pth").write_text(f"{library.folder}/src\n")
    given = ("rehearse", library.folder, *FAST, "--trust", "--gate", ".venv/bin/python check.py")
    command_line.run(*given).ended(0)
    (packages(library) / "extra").mkdir()
    assert command_line.run(*given).ended(0).json["gate_cached"] == 1
