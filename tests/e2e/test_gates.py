from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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
