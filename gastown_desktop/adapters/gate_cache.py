"""What gates said before, below the rig's folder: an append-only file of lines with a checksum each.

Two processes may append at the same time; each knows the other's answers at its next start. A line that is
damaged, and a file that cannot be read or written, is as if nothing had been kept: gates run again then.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import zlib
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gastown_desktop.core.flakiness import FlakeRecord
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.merge_queue import FailureRate
from gastown_desktop.engine.ports import GateAnswer

_LARGEST = 4 << 20
_KEPT_ANSWERS = 4_000
_LONGEST_TAIL = 4_000

_log = logging.getLogger(__name__)


class FileGateCache:
    """Implements the GateCache port on `<rig>/gates.jsonl`.

    Args:
        path: the file; made with its first line.
        largest: size in bytes above which the file is rewritten at opening, without its oldest answers.
    """

    def __init__(self, path: Path, *, largest: int = _LARGEST) -> None:
        self._path = path
        self._answers: dict[tuple[str, str], GateAnswer] = {}
        self._records: dict[str, FlakeRecord] = {}
        self._rates: dict[str, FailureRate] = {}
        self._takes: dict[str, Callable[[dict[str, Any]], None]] = {
            "answer": self._take_answer,
            "runs": self._take_runs,
            "queue": self._take_queue,
        }
        try:
            data = path.read_bytes()
        except OSError:
            return
        for line in data.splitlines(keepends=True):
            self._read(line)
        if len(data) > largest:
            self._rewrite()

    def find(self, tree: Oid, key: str) -> GateAnswer | None:
        """The last answer about a tree."""
        return self._answers.get((tree, key))

    def remember(self, tree: Oid, key: str, answer: GateAnswer) -> None:
        """Keeps an answer."""
        tail = answer.tail[-_LONGEST_TAIL:]
        self._write({"kind": "answer", "tree": tree, "key": key, **asdict(answer), "tail": tail})

    def record(self, command: str) -> FlakeRecord:
        """What is known of the gate with this command."""
        return self._records.get(command, FlakeRecord())

    def count(self, command: str, *, runs: int, flips: int) -> None:
        """Adds runs and flips."""
        self._write({"kind": "runs", "command": command, "runs": runs, "flips": flips})

    def failure_rate(self, queue: str) -> FailureRate:
        """How often candidates are bad."""
        return self._rates.get(queue, FailureRate())

    def judged(self, queue: str, *, landed: int, blamed: int) -> None:
        """Adds candidates."""
        self._write({"kind": "queue", "queue": queue, "landed": landed, "blamed": blamed})

    def _read(self, line: bytes) -> None:
        checksum, _, text = line.removesuffix(b"\n").partition(b" ")
        if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text):
            return
        with contextlib.suppress(ValueError, LookupError, TypeError):  # of a later version
            self._take(json.loads(text))

    def _take(self, body: dict[str, Any]) -> None:
        self._takes[body["kind"]](body)

    def _take_answer(self, body: dict[str, Any]) -> None:
        place = (str(body["tree"]), str(body["key"]))
        self._answers.pop(place, None)  # the newest comes last
        self._answers[place] = GateAnswer(
            green=bool(body["green"]), tail=str(body["tail"]), seconds=float(body["seconds"])
        )

    def _take_runs(self, body: dict[str, Any]) -> None:
        before = self.record(body["command"])
        self._records[body["command"]] = before.plus(runs=int(body["runs"]), flips=int(body["flips"]))

    def _take_queue(self, body: dict[str, Any]) -> None:
        before = self.failure_rate(body["queue"])
        self._rates[body["queue"]] = before.seen(int(body["landed"]), int(body["blamed"]))

    def _write(self, body: dict[str, Any]) -> None:
        """Appends with one call, so that lines of two processes do not mix; not fsynced, it is no loss."""
        self._take(body)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                os.write(file, self._begin_line(file) + _line(body))
            finally:
                os.close(file)
        except OSError as error:
            _log.warning("gate answers cannot be kept: %s", error)

    def _begin_line(self, file: int) -> bytes:
        """What ends a line that a killed process left torn, so that it takes no other with it."""
        size = os.fstat(file).st_size
        if size == 0:
            return b""
        with self._path.open("rb") as written:
            written.seek(size - 1)
            return b"" if written.read(1) == b"\n" else b"\n"

    def _rewrite(self) -> None:
        """Drops what was replaced and the oldest answers; lines that another process appends now are lost."""
        new = self._path.with_suffix(".new")
        try:
            new.write_bytes(b"".join(map(_line, self._bodies())))
            new.chmod(0o600)
            new.replace(self._path)
        except OSError as error:
            _log.warning("gate answers cannot be tidied: %s", error)

    def _bodies(self) -> Iterable[dict[str, Any]]:
        for command, record in self._records.items():
            yield {"kind": "runs", "command": command, "runs": record.runs, "flips": record.flips}
        for queue, rate in self._rates.items():
            landed, blamed = rate.counts
            yield {"kind": "queue", "queue": queue, "landed": landed, "blamed": blamed}
        for (tree, key), answer in list(self._answers.items())[-_KEPT_ANSWERS:]:
            yield {"kind": "answer", "tree": tree, "key": key, **asdict(answer)}


def _line(body: dict[str, Any]) -> bytes:
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)
