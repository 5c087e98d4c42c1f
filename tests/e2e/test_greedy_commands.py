"""A worker whose command writes without end is stopped before the disk is full, and the fleet goes on."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.abilities import lacking
from tests.e2e.conftest import CommandLine
from tests.e2e.real_work import GATE, KEY, Shape, make_repository, script, write_beads
from tests.messages_api.running import running

_DISK = "400m"
"""Half of it is what one copy may take."""


def greedy() -> dict[str, Any]:
    """The worker on m1 fills the disk, sees why it was stopped, cleans up and does its bead."""

    def bash(command: str) -> dict[str, Any]:
        return {"calls": [{"name": "bash", "input": {"command": command}}]}

    submit = {"name": "submit", "input": {"summary": "Done.", "evidence": []}}
    turns = [
        bash("while head -c 10000000 /dev/zero >> big; do sleep 0.1; done; sleep 61"),
        bash("rm big; echo 'value += 1  # step 1' >> m1.py"),
        {"calls": [submit]},
    ]
    fields = script(Shape(turns=3, spread=0))
    fields["rules"].insert(
        0, {"role": "polecat", "when": {"first_user": r"Title: Change m1 step"}, "turns": turns}
    )
    return fields


def test_writing_without_end_ends_with_a_sentence_and_everything_merges(
    command_line: CommandLine, tmp_path: Path
) -> None:
    repo = make_repository(tmp_path / "repo", 3)
    write_beads(tmp_path / "beads.jsonl", 3, 3)
    command_line.data.mkdir()
    mount = f"mount -t tmpfs -o size={_DISK} none '{command_line.data}'"
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False).returncode:
        lacking("this machine does not let us mount")
    ended = 'code=$?; grep -c "of the disk. Delete what it left" '
    ended += f"<(git --git-dir $(echo {command_line.data}/rigs/*/town.git) cat-file --batch-all-objects "
    ended += "--batch --unordered | tr -d '\\000') >&2; exit $code"
    inside = ("unshare", "-m", "bash", "-c", f'{mount} && "$@"; {ended}', "bash")
    with running(greedy()) as server:
        given = ("--beads", tmp_path / "beads.jsonl", "--cap", "1", "--model", "claude-haiku-5-5")
        given += ("--base-url", server.url, "--gate", GATE, "--trust", "--yes", "--json")
        done = command_line.run(
            "run", repo.folder, *given, environment={"ANTHROPIC_API_KEY": KEY}, prefix=inside
        ).ended(0)
    assert (done.json["merged"], done.json["needs_you"]) == (3, [])
    assert done.json["elapsed_s"] < 60
    assert int(done.err.splitlines()[-1]) >= 1
