"""`--stay`: the process idles between convoys, for nothing, and takes lines."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from gastown_desktop.core.money import usd
from tests.builders import RepositoryBuilder
from tests.e2e.conftest import CommandLine, ended_at_last
from tests.e2e.real_work import GATE, KEY, Shape, make_repository, script, write_beads
from tests.e2e.staying import Staying, question_server, staying
from tests.e2e.test_run import planning
from tests.messages_api.running import RunningServer, running

WITH_KEY = {"ANTHROPIC_API_KEY": KEY}
_IDLE_S = 3.0
_MOST = 0.05
"""Share of a processor, generously: the test machine is noisy; `tests.benchmarks.idle_cost` measures."""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo", 8).folder


@pytest.fixture
def beads(tmp_path: Path) -> Path:
    write_beads(tmp_path / "beads.jsonl", 2, 2)
    return tmp_path / "beads.jsonl"


@pytest.fixture
def server() -> Iterator[RunningServer]:
    fields = script(Shape(turns=3, spread=0, output_tokens=50))
    fields["rules"].insert(0, json.loads(json.dumps(planning()).replace(" step ", " step 1")))
    with running(fields) as server:
        yield server


def asked(server: RunningServer, repo: Path, *more: str | Path) -> tuple[str | Path, ...]:
    return ("run", repo, "--base-url", server.url, "--gate", GATE, "--trust", "--yes", "--json", *more)


def rests(one: Staying, server: RunningServer) -> None:
    """Asserts that nothing is asked of the model and next to nothing is done while it idles."""
    sent = len(server.requests())
    share = one.rests(_IDLE_S)
    assert len(server.requests()) == sent
    assert share < _MOST


def test_a_finished_convoy_idles_lands_and_is_followed_by_another_on_what_landed(
    command_line: CommandLine, server: RunningServer, repo: Path, beads: Path
) -> None:
    arguments = asked(server, repo, "--beads", beads, "--cap", "2")
    with staying(command_line, *arguments, environment=WITH_KEY) as one:
        first = one.result(1)
        assert (first["stage"], first["merged"]) == ("ready_to_land", 2)
        rests(one, server)
        busy = command_line.run_beside("resume", repo, "--json", environment=WITH_KEY).ended(2)
        assert "already running" in busy.err
        one.hears("nothing is left to go on with", "go")
        one.says("land")
        assert one.result(2)["stage"] == "landed"
        assert "step 2" in (repo / "m2.py").read_text()
        one.hears("Say: goal TEXT", "go")
        one.hears("It has landed already", "land")

        one.says("goal Three steps")
        third = one.result(3)
        assert (third["goal"], third["merged"], third["stage"]) == ("Three steps", 3, "ready_to_land")
        assert third["base"] != first["base"]
        left = usd("2") - usd(str(first["ledger"]["settled_usd"]))
        assert usd(str(third["ledger"]["cap_usd"])) == left
        one.hears("of $2 is spent or held on 2 convoys", "status")
        rests(one, server)
        one.closes_stdin()
        rests(one, server)
        assert one.ends(signal.SIGTERM) == 0
    assert command_line.processes() == []
    assert server.bill(idle=True)["total_nano"] <= usd("2")


def test_wrong_lines_are_answered_and_quit_ends_with_the_last_result(
    command_line: CommandLine, server: RunningServer, repo: Path, beads: Path
) -> None:
    with staying(
        command_line, *asked(server, repo, "--beads", beads, "--cap", "0.001"), environment=WITH_KEY
    ) as one:
        result = one.result(1)
        assert [need["about"] for need in result["needs_you"]] == ["limit"]
        rests(one, server)
        one.hears("There is no command `dance`", "dance now")
        one.hears("An answer needs an item and a text", "answer limit")
        one.hears("not raised by words", "answer limit More.")
        one.hears("names no item", "answer nobody Yes.")
        one.hears("cap 20", "cap much")
        one.hears("2 beads are not merged", "land")
        one.hears("answer ITEM TEXT", "help")
        one.hears("There is nothing to do", "goal")
        one.says("go")
        assert [need["about"] for need in one.result(2)["needs_you"]] == ["limit"]
        assert server.requests() == []
        one.hears("The limit of all convoys of this stay is $3", "cap 3")
        one.says("go")
        done = one.result(3)
        assert (done["merged"], done["needs_you"]) == (2, [])
        assert done["ledger"]["cap_usd"] == 3.0
        one.says("quit")
        assert one.ends() == 0


def test_a_question_idles_until_it_is_answered_and_an_interrupt_ends_it(
    command_line: CommandLine, repo: Path, beads: Path
) -> None:
    with question_server(None) as server:
        arguments = asked(server, repo, "--beads", beads, "--cap", "2")
        with staying(command_line, *arguments, environment=WITH_KEY) as one:
            (need,) = one.result(1)["needs_you"]
            assert need["about"] == "question"
            rests(one, server)
            one.hears("Nothing else waits for you", f"answer {need['bead']} spaces")
            one.says("go")
            assert one.result(2)["merged"] == 2
            assert one.ends(signal.SIGINT) == 130
            assert "Cancelled" in one.words
        with staying(command_line, "resume", repo, "--json", environment=WITH_KEY) as one:
            assert one.result(1)["stage"] == "ready_to_land"
            one.says("land")
            assert one.result(2)["stage"] == "landed"
            one.says("quit")
            assert one.ends() == 0


def test_an_unattended_run_that_waits_asks_nothing_and_takes_an_answer_meanwhile(
    command_line: CommandLine, repo: Path, beads: Path
) -> None:
    until = f"{datetime.now().astimezone() + timedelta(hours=3):%H:%M}"  # noqa: TID251 - the machine's clock
    with question_server("spaces") as server:
        more = ("--unattended", until, "--unattended-cap", "1.50")
        arguments = asked(server, repo, "--beads", beads, "--cap", "2", *more)
        with staying(command_line, *arguments, environment=WITH_KEY) as one:
            one.hears("needs you: Tabs?")
            one.hears("merged t-2")
            rests(one, server)
            one.hears(f"unattended until {until}, $", "status")
            one.hears("is for later", "goal Something else")
            one.hears("The limit of all convoys of this stay is $3", "cap 3")
            one.hears("Nothing else waits for you", "answer t-1 tabs")
            done = one.result(1)
            assert (done["merged"], done["ledger"]["cap_usd"]) == (2, 1.5)
            one.says("quit")
            assert one.ends() == 0


def test_a_pause_holds_workers_asks_nothing_and_is_lifted(
    command_line: CommandLine, repo: Path, beads: Path
) -> None:
    with question_server("spaces") as server:
        arguments = asked(server, repo, "--beads", beads, "--cap", "2", "--unattended")
        with staying(command_line, *arguments, environment=WITH_KEY) as one:
            one.hears("needs you: Tabs?")
            one.hears("merged t-2")
            one.hears("Paused: workers stand still", "pause")
            one.hears("paused: by you", "status")
            one.hears("Nothing else waits for you", "answer t-1 tabs")
            rests(one, server)
            one.hears("Everybody goes on", "go")
            assert one.result(1)["merged"] == 2
            one.hears("there is nothing to pause", "pause")
            one.says("quit")
            assert one.ends() == 0


def test_a_pause_while_a_goal_is_planned_lets_no_worker_start_until_it_is_lifted(
    command_line: CommandLine, server: RunningServer, repo: Path, beads: Path
) -> None:
    with staying(
        command_line, *asked(server, repo, "--beads", beads, "--cap", "9"), environment=WITH_KEY
    ) as one:
        one.result(1)
        begin = len(one.words)
        one.says("goal Three steps")
        one.hears("Paused: the plan is finished, no worker starts", "pause")
        for _ in range(300):
            if "paused: by you" in one.words[begin:]:
                break
            one.says("status")
            Event().wait(0.1)
        assert "paused: by you" in one.words[begin:]
        one.hears("There is no command `dance`", "dance")
        rests(one, server)
        assert " starts " not in one.words[begin:]
        one.hears("Everybody goes on", "go")
        assert one.result(2)["merged"] == 3
        one.says("quit")
        assert one.ends() == 0


@pytest.mark.parametrize("prefix", [(), ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")])
def test_what_ends_the_process_while_a_goal_is_prepared_lets_nothing_begin(
    command_line: CommandLine,
    server: RunningServer,
    repo: Path,
    beads: Path,
    tmp_path: Path,
    prefix: tuple[str, ...],
) -> None:
    """Also below a shell that has its background jobs ignore interrupts."""
    fetching, path = slow_fetches(tmp_path / "bin")
    environment = WITH_KEY | {"PATH": path}
    arguments = asked(server, repo, "--beads", beads, "--cap", "2")
    with staying(command_line, *arguments, environment=environment, prefix=prefix) as one:
        one.result(1)
        sent = len(server.requests())
        one.says("goal Three steps")
        fetching.until_begun()
        assert one.ends(signal.SIGTERM) == 130
        assert (len(one.results), len(server.requests())) == (1, sent)
    assert command_line.processes() == []


class Fetching:
    """Git's fetches, which take their time once they are told of."""

    def __init__(self, sign: Path) -> None:
        self._sign = sign

    def until_begun(self) -> None:
        """Waits until one has begun."""
        for _ in range(600):
            if self._sign.exists():
                return
            Event().wait(0.05)
        raise AssertionError("nothing was fetched")


def slow_fetches(folder: Path) -> tuple[Fetching, str]:
    """A git whose fetches into a repository that was there before take long, and the PATH that finds it."""
    folder.mkdir()
    sign, git = folder / "fetching", folder / "git"
    slow = f'case " $* " in *" fetch "*) if [ -e {folder}/once ]; then touch {sign}; sleep 2; fi;; esac'
    git.write_text(f'#!/bin/sh\n{slow}\ncase " $* " in *" fetch "*) touch {folder}/once;; esac\n')
    with git.open("a") as file:
        file.write(f'exec {shutil.which("git")} "$@"\n')
    git.chmod(0o755)
    return Fetching(sign), f"{folder}:{os.environ['PATH']}"


def test_lines_are_heard_when_nobody_reads_what_is_said_any_more(
    command_line: CommandLine, repo: Path, beads: Path
) -> None:
    with question_server("spaces") as server:
        arguments = asked(server, repo, "--beads", beads, "--cap", "2", "--unattended", "--stay")
        process = command_line.start(*arguments, environment=WITH_KEY, stdin=subprocess.PIPE)
        with ended_at_last(process):
            assert process.stdin is not None
            assert process.stderr is not None
            assert any("merged t-2" in line for line in process.stderr)
            process.stderr.close()
            process.stdin.write("help\ndance\nquit\n")
            process.stdin.close()
            process.wait(30)


def test_a_rehearsal_is_not_stayed_with(command_line: CommandLine, small: RepositoryBuilder) -> None:
    repo = small.folder
    refused = command_line.run("resume", repo, "--stay", environment=WITH_KEY).ended(2)
    assert "There is nothing to resume here" in refused.err
    command_line.run("rehearse", repo, "--last", "2", "--no-gate", "--json").ended(0)
    refused = command_line.run("resume", repo, "--stay", environment=WITH_KEY).ended(2)
    assert "--stay and --unattended are for real work" in refused.err


def test_on_a_terminal_a_plan_is_agreed_to_with_a_line(
    command_line: CommandLine, server: RunningServer, repo: Path, beads: Path
) -> None:
    arguments = [one for one in asked(server, repo, "--cap", "2", "--stay") if one not in {"--yes", "--json"}]
    master, terminal = os.openpty()
    process = command_line.start(*arguments, "--beads", beads, environment=WITH_KEY, stdin=terminal)
    with ended_at_last(process), os.fdopen(master, "w") as keyboard, os.fdopen(terminal):
        assert process.stderr is not None

        def hears(text: str, *answers: str) -> None:
            assert process.stderr is not None
            assert any(text in line for line in process.stderr), f"it ended without {text}"
            for answer in answers:
                keyboard.write(answer + "\n")
                keyboard.flush()

        hears("Run it? [y/N]", "y")
        hears("Nothing goes on", "goal Three steps")
        hears("Run it? [y/N]", "n")
        hears("You said no.", "go")
        hears("Run it? [y/N]", "yes")
        hears("merged", "status")
        hears("on 2 convoys", "quit")
        assert process.wait(60) in {0, 130}
