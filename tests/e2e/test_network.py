"""`run --allow-host`: listed with what would run, refused before anything is spent, in force for gates."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.abilities import lacking
from tests.builders import RepositoryBuilder
from tests.e2e.conftest import GATE, CommandLine, Done
from tests.e2e.real_work import GATE as WORK_GATE
from tests.e2e.real_work import KEY as KEY_OF_WORK
from tests.e2e.real_work import Shape, make_repository, script, write_beads
from tests.messages_api.running import running

KEY = {"ANTHROPIC_API_KEY": "sk-nothing"}
NOWHERE = "http://127.0.0.1:9/"
"""Nobody listens there; the tests end before anything is asked."""


def run(
    command_line: CommandLine, repo: Path, *options: str, environment: dict[str, str] | None = None
) -> Done:
    given = ("--goal", "Nothing", "--cap", "1", "--base-url", NOWHERE, "--price", "1/1", "--model", "any")
    return command_line.run("run", repo, *given, *options, environment=KEY | (environment or {}))


@pytest.fixture
def _caged() -> None:
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    if not shutil.which("bwrap") or subprocess.run(command, capture_output=True, check=False).returncode:
        lacking("bubblewrap does not work here")


@pytest.mark.usefixtures("_caged")
def test_allowed_hosts_are_listed_and_a_change_asks_again(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    first = run(command_line, small.folder, "--gate", GATE, "--allow-host", "PyPI.org").ended(2)
    assert "network: pypi.org:443" in first.err
    assert f"gate: gate 1 {GATE}\n" in first.err
    without = run(command_line, small.folder, "--no-gate", "--allow-host", "pypi.org").ended(2)
    assert "network: pypi.org:443 " in without.err
    (command_line.data / "settings.toml").write_text('allowed_hosts = ["files.pythonhosted.org"]\n')
    settings = run(command_line, small.folder, "--gate", GATE).ended(2)
    assert "network: files.pythonhosted.org:443 " in settings.err
    both = run(command_line, small.folder, "--no-gate", "--allow-host", "pypi.org").ended(2)
    assert "files.pythonhosted.org" not in both.err, "what the command says is meant instead"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "https://pypi.org", "*.org"])
def test_hosts_that_cannot_be_allowed_are_refused(
    command_line: CommandLine, small: RepositoryBuilder, host: str
) -> None:
    done = run(command_line, small.folder, "--no-gate", "--allow-host", host).ended(2)
    assert f"--allow-host: {host} is " in done.err


def test_without_a_sandbox_hosts_are_refused_before_anything_is_written(
    command_line: CommandLine, small: RepositoryBuilder, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(shutil.which("git") or "")
    path = {"PATH": str(programs)}
    done = run(
        command_line, small.folder, "--no-gate", "--trust", "--allow-host", "pypi.org", environment=path
    )
    assert "bubblewrap is not installed" in done.ended(2).err
    assert "leave --allow-host and allowed_hosts out" in done.err
    assert not (command_line.data / "money").exists()
    assert not list(command_line.data.rglob("events"))


def test_a_repository_cannot_allow_hosts(command_line: CommandLine, small: RepositoryBuilder) -> None:
    small.write(".gastown.toml", f'gates = ["{GATE}"]\nallowed_hosts = ["evil.example"]\n').commit(
        "Ask for more"
    )
    done = run(command_line, small.folder).ended(2)
    assert "ignored, not for a repository to set: allowed_hosts" in done.err
    assert "evil.example" not in done.err


@pytest.mark.usefixtures("_caged")
def test_gates_and_workers_have_the_same_way_out(command_line: CommandLine, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        lacking("curl is not installed")
    repo = make_repository(tmp_path / "repo", 2)
    write_beads(tmp_path / "beads.jsonl", 2, 2)
    gate = (
        f"{WORK_GATE} && test $(curl -s -o /dev/null -w '%{{http_connect}}' https://example.com/secret) = 403"
    )
    with running(script(Shape(turns=3, spread=0))) as server:
        options = ("--beads", tmp_path / "beads.jsonl", "--cap", "1", "--model", "claude-haiku-5-5")
        options += ("--base-url", server.url, "--gate", gate, "--trust", "--yes", "--json")
        done = command_line.run(
            "run",
            repo.folder,
            *options,
            "--allow-host",
            "pypi.org",
            environment={"ANTHROPIC_API_KEY": KEY_OF_WORK},
        ).ended(0)
    assert done.json["merged"] == 2
    assert "network pypi.org:443" in json.dumps(done.json)
    (log,) = command_line.data.rglob("network.log")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {(line["host"], line["port"], line["verdict"]) for line in lines} == {
        ("example.com", 443, "not listed")
    }
    assert "secret" not in log.read_text()
