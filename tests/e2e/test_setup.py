"""`setup` and `copy` of a repository, from consent to landing: proven once, confined, and kept back."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.abilities import lacking
from tests.builders import RepositoryBuilder
from tests.e2e.conftest import CommandLine, Done, ended_at_last
from tests.e2e.real_work import KEY, Shape, script, write_beads
from tests.messages_api.running import running

CANARY = "canary-7f3a9c1e-2b"
CHECK = """import glob, pathlib
ready = pathlib.Path("deps/ready")
assert ready.exists() and ready.read_text() == pathlib.Path("deps.lock").read_text(), "not set up"
for name in sorted(glob.glob("m*.py")):
    exec(open(name).read())
"""
SETUP = "mkdir -p deps && cp deps.lock deps/ready"
GATE = "python3 check.py"
REHEARSED = ("--last", "3", "--polecats", "2", "--json")


def configure(repo: RepositoryBuilder, setup: str, gate: str = GATE, more: str = "") -> RepositoryBuilder:
    text = f"setup = {json.dumps(setup)}\n{more}\n[[gates]]\nname = 'check'\ncommand = {json.dumps(gate)}\n"
    return repo.write(".gastown.toml", text)


def steps(repo: RepositoryBuilder, *numbers: int) -> None:
    for number in numbers:
        repo.write(f"m{number}.py", f"value = {number}\n").commit(f"Step {number}")


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryBuilder:
    """Its gate passes only where its setup made an ignored file from the lock file."""
    repo = RepositoryBuilder(tmp_path / "app")
    repo.write("check.py", CHECK).write("deps.lock", "1\n").write(".gitignore", "deps/\nconfig/*.json\n")
    configure(repo, SETUP).write("m0.py", "value = 0\n").commit("Start")
    steps(repo, 1, 2, 3)
    return repo


@pytest.fixture
def _caged() -> None:
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    if not shutil.which("bwrap") or subprocess.run(command, capture_output=True, check=False).returncode:
        lacking("bubblewrap does not work here")


def setups(command_line: CommandLine) -> list[str]:
    """The slots in which a setup ran, in order."""
    (log,) = command_line.rig().glob("*/*/setup.log")
    entries = [line.split("] ", 1)[1] for line in log.read_text().splitlines() if line.startswith("[")]
    return [entry.split()[0] for entry in entries if " at " in entry]


def history(command_line: CommandLine) -> str:
    (file,) = command_line.rig().glob("events/*.jsonl")
    return file.read_text()


def planned(command_line: CommandLine, repo: RepositoryBuilder, *more: str) -> Done:
    return command_line.run("rehearse", repo.folder, *REHEARSED, *more)


def test_a_gate_that_needs_its_setup_is_green_and_the_landed_tree_is_history(
    command_line: CommandLine, repo: RepositoryBuilder
) -> None:
    asked = planned(command_line, repo).ended(2)
    assert f"  setup: 1 {SETUP}" in asked.err
    result = planned(command_line, repo, "--trust", "--check").ended(0).json
    assert (result["merged"], result["tree_equal"], result["base_green"]) == (3, True, True)
    assert result["gate_sees"]
    assert result["user_repo_untouched"]
    ran = setups(command_line)
    assert len(ran) == len(set(ran))
    assert {"gate", "Nux"} <= set(ran)
    assert not (repo.folder / "deps").exists()
    assert command_line.left_behind() == []


def test_a_bead_that_changes_the_lock_file_is_gated_with_what_it_locks(
    command_line: CommandLine, repo: RepositoryBuilder
) -> None:
    repo.write("deps.lock", "2\n").commit("Update the lock")
    steps(repo, 4)
    configure(repo, SETUP + " # deps.lock").commit("Name the lock file")
    steps(repo, 5)
    result = planned(command_line, repo, "--trust").ended(0).json
    assert (result["merged"], result["tree_equal"]) == (3, True)


def test_without_a_gate_nothing_of_the_repository_runs(
    command_line: CommandLine, repo: RepositoryBuilder
) -> None:
    planned(command_line, repo, "--no-gate").ended(0)
    assert not list(command_line.rig().glob("*/*/setup.log"))


def test_a_failing_setup_is_tried_once_asks_no_model_and_is_mended_on_the_branch(
    command_line: CommandLine, repo: RepositoryBuilder
) -> None:
    configure(repo, "echo no such package; false").commit("Break the setup")
    given = ("rehearse", repo.folder, "--last", "3", "--polecats", "30", "--json", "--trust")
    done = command_line.run(*given).ended(3)
    assert (
        "Setup failed: `echo no such package; false` ended with 1. It said last:\nno such package" in done.err
    )
    assert (done.json["model_requests"], done.json["merged"]) == (0, 0)
    (need,) = done.json["needs_you"]
    assert (need["item"], need["about"]) == ("setup", "setup")
    assert "bead_slung" not in history(command_line)
    assert setups(command_line) == ["gate"]
    assert command_line.left_behind() == []

    command_line.run("inbox", repo.folder, "answer", "setup", "Fix setup…").ended(0)
    again = command_line.run("resume", repo.folder, "--json").ended(3)
    assert again.json["model_requests"] == 0
    configure(repo, SETUP).commit("Mend the setup")
    asked = command_line.run("resume", repo.folder, "--json").ended(2)
    assert f"Setup is now: {SETUP}" in asked.err
    assert f"  setup: 1 {SETUP}" in asked.err
    result = command_line.run("resume", repo.folder, "--json", "--trust").ended(0).json
    assert (result["merged"], result["tree_equal"]) == (3, True)


def test_a_slow_setup_is_ended_in_time(command_line: CommandLine, repo: RepositoryBuilder) -> None:
    table = "\n[[setup]]\ncommand = 'echo begun; sleep 60'\ntimeout_s = 1\n"
    repo.write(".gastown.toml", f"gates = ['{GATE}']\n{table}").commit("Sleep")
    done = planned(command_line, repo, "--trust").ended(3)
    assert "`echo begun; sleep 60` took longer than 1 s. It said last:\nbegun" in done.err


def test_real_work_with_a_failing_setup_sends_nothing(
    command_line: CommandLine, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    configure(repo, "false").commit("Break the setup")
    write_beads(tmp_path / "beads.jsonl", 3, 3)
    with running(script(Shape(turns=2, spread=0))) as server:
        given = ("--beads", tmp_path / "beads.jsonl", "--cap", "1", "--model", "claude-haiku-5-5")
        given += ("--base-url", server.url, "--trust", "--yes", "--json")
        with_key = {"ANTHROPIC_API_KEY": KEY}
        done = command_line.run("run", repo.folder, *given, environment=with_key).ended(3)
        assert server.requests() == []
        assert "Setup failed" in done.err
        assert done.json["ledger"]["settled_usd"] == 0
        configure(repo, SETUP).commit("Mend the setup")
        result = command_line.run("resume", repo.folder, "--json", "--trust", "--yes", environment=with_key)
    assert result.ended(0).json["merged"] == 3


def test_a_stop_between_setup_and_first_turn_sets_nothing_up_again(
    command_line: CommandLine, repo: RepositoryBuilder
) -> None:
    process = command_line.start(
        *("rehearse", repo.folder, "--last", "3", "--polecats", "1", "--json", "--trust"),
        environment={"GASTOWN_CRASH_AT": "send:1"},
    )
    with ended_at_last(process):
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    before = setups(command_line)
    assert before.count("Nux") == before.count("gate") == 1
    assert '"turn_ended"' not in history(command_line)
    result = command_line.run("resume", repo.folder, "--json").ended(0).json
    assert (result["merged"], result["tree_equal"]) == (3, True)
    after = setups(command_line)
    assert after.count("Nux") == after.count("gate") == 1


# --- hostile --------------------------------------------------------------------------------------


def test_a_candidate_that_changes_the_setup_changes_nothing(
    command_line: CommandLine, repo: RepositoryBuilder
) -> None:
    configure(repo, "echo EVIL; exit 1", more="copy = ['config/*.json']").commit("Another setup")
    steps(repo, 4)
    configure(repo, SETUP).commit("As before")
    (repo.folder / "config").mkdir()
    (repo.folder / "config/local.json").write_text(json.dumps({"token": CANARY}))
    done = planned(command_line, repo, "--trust", "--copy").ended(0)
    assert done.json["merged"] == 3
    (log,) = command_line.rig().glob("*/*/setup.log")
    assert "EVIL" not in log.read_text()
    assert "copy:" not in done.err


@pytest.mark.usefixtures("_caged")
def test_a_setup_is_confined_and_has_no_network_but_hosts_of_its_own(
    command_line: CommandLine, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    if shutil.which("curl") is None:
        lacking("curl is not installed")
    outside = tmp_path / "outside"
    outside.mkdir()
    tries = f"(echo x > {outside}/planted; echo x > {repo.folder.parent}/planted; echo x > /usr/planted) 2>&1"
    asks = "curl -s -o /dev/null -w '%{http_connect}' https://example.com/"
    configure(
        repo, f"{tries}; {SETUP}; echo code $({asks}) via $HTTPS_PROXY", f"test -z $HTTPS_PROXY && {GATE}"
    )
    repo.commit("Reach out")
    assert (
        "network: pypi.org:443 for setup only" in planned(command_line, repo, "--setup-host", "pypi.org").err
    )
    planned(command_line, repo, "--setup-host", "pypi.org", "--trust").ended(0)
    (log,) = command_line.rig().glob("*/*/setup.log")
    assert "code 403 via http://127.0.0.1:13128" in log.read_text()
    assert not list(tmp_path.rglob("planted"))
    assert not Path("/usr/planted").exists()
    settings = command_line.data / "settings.toml"
    settings.write_text('setup_hosts = ["files.pythonhosted.org"]\n')
    assert "network: files.pythonhosted.org:443 for setup only" in planned(command_line, repo).ended(2).err


def test_a_repository_can_name_no_hosts_and_copy_nothing_by_itself(
    command_line: CommandLine, repo: RepositoryBuilder
) -> None:
    more = "setup_hosts = ['evil.example']\ncopy_files = true\ncopy = ['config/*.json']"
    configure(repo, SETUP, more=more).commit("Ask for more")
    (repo.folder / "config").mkdir()
    (repo.folder / "config/local.json").write_text("{}")
    done = planned(command_line, repo).ended(2)
    assert "ignored, not for a repository to set: copy_files, setup_hosts" in done.err
    assert "evil.example" not in done.err.replace("setup_hosts", "")
    assert "copy: " not in done.err
    assert (
        ".gastown.toml proposes to copy 1 ignored file (config/local.json): they stay where they are."
        in done.err
    )


def test_hosts_of_setup_are_refused_without_a_sandbox(
    command_line: CommandLine, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(shutil.which("git") or "")
    given = ("rehearse", repo.folder, *REHEARSED, "--trust", "--setup-host", "pypi.org")
    done = command_line.run(*given, environment={"PATH": str(programs)}).ended(2)
    assert "Setup cannot be allowed some hosts here: bubblewrap is not installed." in done.err
    assert "leave --setup-host and setup_hosts out" in done.err


# --- copied files ---------------------------------------------------------------------------------


def everything(command_line: CommandLine) -> bytes:
    """All that is kept of the work: every object of town.git unpacked, histories, logs, reports."""
    town = command_line.rig() / "town.git"
    objects = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch", "--unordered"],
        cwd=town,
        capture_output=True,
        check=True,
    ).stdout
    files = [path.read_bytes() for path in command_line.data.rglob("*") if path.is_file()]
    return b"\n".join([objects, *files])


@pytest.fixture
def with_settings(repo: RepositoryBuilder, tmp_path: Path) -> RepositoryBuilder:
    """Its setup and gate need ignored files; links and pipes stand beside them."""
    repo.write("needs.py", "import json\nassert len(json.load(open('config/local.json'))['token']) == 18\n")
    more = "copy = ['config/*.json', '.env.test']"
    gate = f"cat config/local.json .env.test && python3 needs.py && {GATE}"
    configure(repo, f"cat config/local.json && {SETUP}", gate, more).write(
        ".gitignore", "deps/\nconfig/*.json\n.env*\n"
    )
    repo.commit("Need settings")
    steps(repo, 4, 5, 6)
    (repo.folder / "config").mkdir()
    (repo.folder / "config/local.json").write_text(json.dumps({"token": CANARY}))
    (repo.folder / ".env.test").write_text(f"API_TOKEN={CANARY}-env\n")
    (tmp_path / "private.json").write_text(json.dumps({"token": "of-somebody-else-1"}))
    (repo.folder / "config/link.json").symlink_to(tmp_path / "private.json")
    return repo


def test_copied_files_are_there_for_setup_and_gate_and_their_values_nowhere(
    command_line: CommandLine, with_settings: RepositoryBuilder
) -> None:
    repo = with_settings
    asked = planned(command_line, repo, "--copy").ended(2)
    assert "copy: .env.test\n  copy: config/local.json" in asked.err
    assert "Not copied: config/link.json is no plain file." in asked.err
    done = planned(command_line, repo, "--copy", "--trust").ended(0)
    assert (done.json["merged"], done.json["base_green"], done.json["gate_sees"]) == (3, True, True)
    assert CANARY not in done.out + done.err
    kept = everything(command_line)
    assert CANARY.encode() not in kept
    assert "‹secret:token›".encode() in kept
    assert b"of-somebody-else-1" not in kept
    without = planned(command_line, repo, "--trust").ended(3)
    assert "config/local.json" in without.err
    (command_line.data / "settings.toml").write_text("copy_files = true\n")
    planned(command_line, repo).ended(2)


def thief() -> dict[str, Any]:
    """A worker who reads, edits, copies and deletes what was copied, and makes git forget to ignore it."""
    steal = (
        "cat config/local.json .env.test; printf '!config\\n!*.json\\n' > .gitignore; "
        "cp config/local.json stolen.txt; echo edited >> config/local.json; rm .env.test; git add -Af . ; "
        "git commit -qm Steal; echo 'value += 1' >> m1.py"
    )
    submit = {"name": "submit", "input": {"summary": "Here it is.", "evidence": []}}
    again = "rm stolen.txt; git checkout -q HEAD~1 -- .gitignore; cat config/local.json"
    turns = [
        {"calls": [{"name": "bash", "input": {"command": steal}}]},
        {"calls": [submit]},
        {"calls": [{"name": "bash", "input": {"command": again}}]},
        {"calls": [submit]},
    ]
    return {"keys": {KEY: {}}, "rules": [{"role": "polecat", "when": {"tool": "submit"}, "turns": turns}]}


def test_a_worker_takes_nothing_of_a_copied_file_along(
    command_line: CommandLine, with_settings: RepositoryBuilder, tmp_path: Path
) -> None:
    repo = with_settings
    write_beads(tmp_path / "beads.jsonl", 1, 1)
    with running(thief()) as server:
        given = ("--beads", tmp_path / "beads.jsonl", "--cap", "1", "--model", "claude-haiku-5-5", "--copy")
        given += ("--base-url", server.url, "--trust", "--yes", "--json")
        done = command_line.run("run", repo.folder, *given, environment={"ANTHROPIC_API_KEY": KEY}).ended(0)
    assert done.json["merged"] == 1
    kept = everything(command_line)
    assert CANARY.encode() not in kept
    assert CANARY not in done.out + done.err
    assert json.loads((repo.folder / "config/local.json").read_text()) == {"token": CANARY}
    assert (repo.folder / ".env.test").read_text() == f"API_TOKEN={CANARY}-env\n"
    town = command_line.rig() / "town.git"
    branch = f"convoy/{done.json['convoy']}"
    tree = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", branch], cwd=town, capture_output=True, check=True, text=True
    ).stdout.split()
    assert not {"config/local.json", ".env.test", "stolen.txt"} & set(tree)
