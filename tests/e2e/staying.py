"""A process that stays, driven by lines as its user does."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Any

from tests.e2e.conftest import CommandLine, ended_at_last
from tests.e2e.real_work import GATE, Shape, script
from tests.messages_api.running import RunningServer, running

_PATIENCE_S = 60.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Staying:
    """The process: what it printed so far, and its standard input."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.results: list[dict[str, Any]] = []
        """Objects on standard output that are no events."""
        self.words = ""
        """What it said on standard error."""
        self._news = Condition()
        self._threads = [Thread(target=self._read_results), Thread(target=self._read_words)]
        for thread in self._threads:
            thread.start()

    def says(self, line: str) -> None:
        """Types a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def closes_stdin(self) -> None:
        """Ends the input, not the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def result(self, number: int) -> dict[str, Any]:
        """A result by its number, from 1, once it is there and the process rests."""
        rests = "Nothing goes on"
        with self._news:
            there = self._news.wait_for(
                lambda: len(self.results) >= number and rests in self.words, _PATIENCE_S
            )
            assert there, self.words
            return self.results[number - 1]

    def hears(self, text: str, command: str = "") -> None:
        """Says a command and waits for words that follow it; without one, for words at any time."""
        begin = len(self.words) if command else 0
        if command:
            self.says(command)
        with self._news:
            assert self._news.wait_for(lambda: text in self.words[begin:], _PATIENCE_S), self.words[begin:]

    def cpu_s(self) -> float:
        """Processor time of the process so far, without its children."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def rests(self, seconds: float) -> float:
        """Lets some seconds pass; returns the share of a processor that the process took."""
        before = self.cpu_s()
        Event().wait(seconds)
        return (self.cpu_s() - before) / seconds

    def ends(self, signal: int | None = None) -> int:
        """Waits for its end, after a signal where one is given; returns the exit code."""
        if signal is not None:
            self.process.send_signal(signal)
        code = self.process.wait(_PATIENCE_S)
        for thread in self._threads:
            thread.join()
        return code

    def _read_results(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            read = json.loads(line)
            if "kind" not in read:
                with self._news:
                    self.results.append(read)
                    self._news.notify_all()

    def _read_words(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.words += line
                self._news.notify_all()


@contextmanager
def staying(
    line: CommandLine,
    *arguments: str | Path,
    environment: dict[str, str],
    prefix: tuple[str, ...] = (),
) -> Generator[Staying]:
    """Starts a command that stays, perhaps below another (`prefix`); it is ended at last."""
    process = line.start(*arguments, "--stay", environment=environment, prefix=prefix, stdin=subprocess.PIPE)
    with ended_at_last(process):
        one = Staying(process)
        try:
            yield one
        finally:
            if process.poll() is None:
                process.kill()
            one.ends()
            assert process.stdin is not None
            if not process.stdin.closed:
                process.stdin.close()


@contextmanager
def question_server(default: str | None) -> Generator[RunningServer]:
    """A model that does its beads, but asks first what the first one is to be like.

    Args:
        default: what it would do; None where it has to know.
    """
    ask = {"question": "Tabs?", "options": ["tabs", "spaces"], **({"default": default} if default else {})}
    turns: list[tuple[str, dict[str, Any]]] = [
        ("ask", ask),
        ("read", {"path": "m1.py"}),
        ("bash", {"command": "echo 'value += 1' >> m1.py"}),
        ("submit", {"summary": "Done.", "evidence": [GATE]}),
    ]
    first = {
        "role": "polecat",
        "when": {"first_user": "Title: Change m1 "},
        "turns": [{"calls": [{"name": name, "input": given}]} for name, given in turns],
    }
    fields = script(Shape(turns=3, spread=0, output_tokens=50))
    fields["rules"].insert(0, first)
    with running(fields) as server:
        yield server
