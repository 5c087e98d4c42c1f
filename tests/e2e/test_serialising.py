"""A repository whose beads meet in a change log and a generated file, with and without rules for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import RepositoryBuilder
from tests.e2e.conftest import CommandLine

GATE = """
[[gates]]
name = "tests"
command = "sh check.sh"
"""
RULES = (
    'union = ["CHANGES.md"]\n'
    + """
[[generated]]
path = "files.lock"
command = "ls src > files.lock"
"""
    + GATE
)
CHECK = """grep -rq sabotage src && exit 1
[ "$(ls src)" = "$(cat files.lock)" ] && ! grep -q '<<<' CHANGES.md
"""


def repository(folder: Path, config: str, *, lock: bool) -> RepositoryBuilder:
    """Four commits that each add a source, a line of the change log, and perhaps a line of the lock file."""
    builder = RepositoryBuilder(folder)
    names = ["a.sh"]
    builder.write("src/a.sh", "a\n").write("CHANGES.md", "- start\n").write(".gastown.toml", config)
    listed = '[ "$(ls src)" = "$(cat files.lock)" ]'
    builder.write("check.sh", CHECK if lock else CHECK.replace(listed, "true"))
    builder.write("files.lock", "a.sh\n").commit("Start")
    for number, name in enumerate(("b.sh", "c.sh", "d.sh", "e.sh"), 1):
        names.append(name)
        log = "- start\n" + "".join(f"- add {one}\n" for one in names[1:])
        builder.write(f"src/{name}", f"{name}\n" * number).write("CHANGES.md", log)
        if lock:
            builder.write("files.lock", "".join(f"{one}\n" for one in names))
        builder.commit(f"Add {name}")
    return builder


@pytest.mark.parametrize("plan", ["true", "predicted", "none"])
def test_a_change_log_that_is_merged_by_its_lines_lets_all_beads_start_at_once(
    command_line: CommandLine, tmp_path: Path, plan: str
) -> None:
    repo = repository(tmp_path / "repo", RULES, lock=False)
    given = ("rehearse", repo.folder, "--last", "4", "--plan", plan, "--trust", "--check", "--json")
    result = command_line.run(*given).ended(0).json
    assert result["merged"] == 4
    assert result["independent"] == 4
    assert (result["base_green"], result["gate_sees"], result["resolver_runs"]) == (True, True, 0)
    assert result["fit"]["knee"] == 4
    assert result["check"]["ok"]
    assert len(result["check"]["resolved"]) == 3
    assert result["proposed_config"] == ""


def test_without_rules_they_wait_and_the_report_proposes_rules(
    command_line: CommandLine, tmp_path: Path
) -> None:
    repo = repository(tmp_path / "repo", GATE, lock=False)
    given = ("rehearse", repo.folder, "--last", "4", "--plan", "predicted", "--trust", "--json")
    result = command_line.run(*given).ended(0).json
    assert (result["independent"], result["fit"]["knee"]) == (1, 1)
    assert 'union = ["CHANGES.md"]' in result["proposed_config"]


@pytest.mark.parametrize("plan", ["true", "none"])
def test_generated_files_come_out_right_in_every_landing(
    command_line: CommandLine, tmp_path: Path, plan: str
) -> None:
    repo = repository(tmp_path / "repo", RULES, lock=True)
    given = ("rehearse", repo.folder, "--last", "4", "--plan", plan, "--trust", "--check", "--json")
    result = command_line.run(*given).ended(0).json
    assert result["merged"] == 4
    assert result["tree_equal"]
    assert result["check"]["ok"]


def test_commands_that_make_files_anew_are_listed_before_they_are_trusted(
    command_line: CommandLine, tmp_path: Path
) -> None:
    repo = repository(tmp_path / "repo", RULES, lock=True)
    refused = command_line.run("rehearse", repo.folder, "--last", "2", "--json").ended(2)
    assert "generated: files.lock ls src > files.lock" in refused.err
