"""Starts the program many times without loading its modules each time: more than half of a short run.

A server has imported its libraries and all but its window; for each run it forks, and the child
becomes `python -m gastown_desktop …`: environment, folder, output and exit are those of a process of its own,
and so is its session. Not for what has to be there before Python is, as LD_PRELOAD (`is_for`).
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pygit2

from gastown_desktop.engine import crash_points

_LIBRARIES = ("anthropic", "httpx2", "pydantic", "pygit2", "psutil", "rich", "tomlkit", "structlog")
_FLOORS = ("core", "engine", "adapters", "wiring", "cli")
_BEFORE_PYTHON = ("LD_", "PYTHON", "LANG", "LC_", "TZ")
_lanes = threading.local()


def is_for(environment: Mapping[str, str]) -> bool:
    """Whether these variables can still be set when Python runs already."""
    return not any(name.startswith(_BEFORE_PYTHON) for name in environment)


class WarmProcess:
    """One run: as `subprocess.Popen`, as far as series need it."""

    def __init__(self, answers: IO[str], outputs: tuple[int, int]) -> None:
        self._answers = answers
        self.pid = int(answers.readline())
        self.stdout = os.fdopen(outputs[0], encoding="utf-8", errors="replace")
        self.stderr = os.fdopen(outputs[1], encoding="utf-8", errors="replace")
        self._code: int | None = None

    def kill(self) -> None:
        """Kills it alone, not its children."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit code, negative the signal that killed it."""
        if self._code is None:
            self._code = int(self._answers.readline())
        return self._code


class WarmPython:
    """A server; runs one process at a time."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        number = theirs.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.warm", str(number)],
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        atexit.register(self.close)
        self._answers = self._socket.makefile("r")

    def close(self) -> None:
        """Ends the server, once what it runs has ended."""
        self._answers.close()
        self._socket.close()
        self._process.wait()

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
    ) -> WarmProcess:
        """Starts `python -m gastown_desktop` with arguments in a folder, or in the current one."""
        out, error = os.pipe(), os.pipe()
        place = str(folder or Path.cwd())
        order = {"arguments": list(arguments), "environment": dict(environment), "folder": place}
        data = json.dumps(order).encode()
        self._socket.sendall(len(data).to_bytes(4, "big"))
        socket.send_fds(self._socket, [data], [out[1], error[1]])
        for end in (out[1], error[1]):
            os.close(end)
        return WarmProcess(self._answers, (out[0], error[0]))


def warm_python() -> WarmPython:
    """This thread's server, which ends with this process."""
    if not hasattr(_lanes, "python"):
        _lanes.python = WarmPython()
    return _lanes.python


def run_warm(
    arguments: Sequence[str], environment: Mapping[str, str], timeout: float, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs it to its end, as `subprocess.run` with both outputs captured; killed after so many seconds."""
    process = warm_python().start(arguments, environment, folder)
    said: list[str] = []
    errors = threading.Thread(target=lambda: said.append(process.stderr.read()))
    watchdog = threading.Timer(timeout, process.kill)
    errors.start()
    watchdog.start()
    out = process.stdout.read()
    code = process.wait()
    watchdog.cancel()
    errors.join()
    process.stdout.close()
    process.stderr.close()
    return subprocess.CompletedProcess(arguments, code, out, said[0])


def _load() -> None:
    """Imports what a run would import."""
    for library in _LIBRARIES:
        importlib.import_module(library)
    for floor in _FLOORS:
        package = importlib.import_module(f"gastown_desktop.{floor}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def _serve(line: socket.socket) -> bool:
    """Forks for each order; returns in the child that is to become the program, and at the end."""
    while head := line.recv(4):
        size = int.from_bytes(head, "big")
        data, outputs, _, _ = socket.recv_fds(line, size, 2)
        while len(data) < size:
            data += line.recv(size - len(data))
        order = json.loads(data)
        child = os.fork()
        if child == 0:
            line.close()
            _become(order, outputs)
            return True
        for output in outputs:
            os.close(output)
        line.sendall(f"{child}\n".encode())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        line.sendall(f"{code}\n".encode())
    return False


def _become(order: dict[str, Any], outputs: list[int]) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(str(order["folder"]))
    os.environ.clear()
    os.environ.update(order["environment"])
    crash_points._arming = crash_points._Arming()  # pyright: ignore[reportPrivateUsage]
    _heed_home()
    sys.argv = ["gastown_desktop", *order["arguments"]]
    for target, output in zip((1, 2), outputs, strict=True):
        os.dup2(output, target)
        os.close(output)


def _heed_home() -> None:
    """Lets libgit2 look for the user's configuration in this HOME: it looked when it was loaded."""
    home = Path.home()
    under = Path(os.environ.get("XDG_CONFIG_HOME", home / ".config"))
    pygit2.settings.search_path[pygit2.enums.ConfigLevel.GLOBAL] = str(home)
    pygit2.settings.search_path[pygit2.enums.ConfigLevel.XDG] = str(under / "git")


if __name__ == "__main__":
    _load()
    if _serve(socket.socket(fileno=int(sys.argv[1]))):
        runpy.run_module("gastown_desktop", run_name="__main__", alter_sys=True)
