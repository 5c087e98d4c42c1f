"""What a process that stays costs while nothing goes on: requests of a model, and a share of a processor.

    python -m tests.benchmarks.idle_cost [--seconds 60]

Processes beside each other: after a convoy that is merged, at a question, at its limit, unattended while a
question waits for its default, and paused by the user in the middle of work. Fails when one asked the model
for anything, or took 1 % or more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from threading import Event

from tests.e2e.conftest import CommandLine
from tests.e2e.real_work import GATE, KEY, make_repository, write_beads
from tests.e2e.staying import Staying, question_server, staying
from tests.messages_api.running import RunningServer

_MOST = 0.01
_CASES: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "finished": ("spaces", ("--cap", "2")),
    "question": (None, ("--cap", "2")),
    "limit": (None, ("--cap", "0.001")),
    "unattended": ("spaces", ("--cap", "2", "--unattended")),
    "paused": ("spaces", ("--cap", "2", "--unattended")),
}
"""Each with the default of its question, and how it is run."""


def _start(stack: ExitStack, folder: Path, name: str) -> tuple[Staying, RunningServer]:
    """Starts a process and waits until it has nothing to do."""
    default, arguments = _CASES[name]
    folder.mkdir()
    server = stack.enter_context(question_server(default))
    repo = make_repository(folder / "repo", 2).folder
    write_beads(folder / "beads.jsonl", 2, 2)
    given = ("--beads", folder / "beads.jsonl", "--base-url", server.url, "--gate", GATE, "--trust", "--yes")
    line = CommandLine(folder / "user")
    one = stack.enter_context(
        staying(line, "run", repo, *given, "--json", *arguments, environment={"ANTHROPIC_API_KEY": KEY})
    )
    if name in {"unattended", "paused"}:
        one.hears("needs you: Tabs?")
        one.hears("merged t-2")
        if name == "paused":
            one.hears("Paused: workers stand still", "pause")
            one.hears("Nothing else waits for you", "answer t-1 tabs")
        return one, server
    result = one.result(1)
    if name == "finished":
        one.says("answer t-1 spaces")
        one.says("go")
        result = one.result(2)
        assert result["merged"] == 2
    else:
        assert result["needs_you"][0]["about"] == name
    return one, server


def main() -> int:
    """Prints the shares; returns 1 when one of them is too much."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=60.0)
    seconds = options.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="idle-") as folder, ExitStack() as stack:
        started = {name: _start(stack, Path(folder) / name, name) for name in _CASES}
        Event().wait(2.0)  # what the last of them had to close
        before = {name: (one.cpu_s(), len(server.requests())) for name, (one, server) in started.items()}
        Event().wait(seconds)
        well = True
        for name, (one, server) in started.items():
            share = (one.cpu_s() - before[name][0]) / seconds
            requests = len(server.requests()) - before[name][1]
            well = well and share < _MOST and not requests
            print(f"{name:<11} {share:7.3%} of a processor, {requests} requests in {seconds:g} s")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
