"""A screen of its own for a test: an X server, a window manager, and a hand that moves the pointer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.abilities import lacking

ROOT = Path(__file__).resolve().parents[2]
_NEEDED = ("Xvfb", "xdotool", "openbox", "xauth")
_SIZE = "1600x1000x24"
_WAIT_S = 20


class XScreen:
    """One X server without a monitor.

    Args:
        display: its name, `:97`.
        environment: for its clients.
    """

    def __init__(self, display: str, environment: dict[str, str]) -> None:
        self.display = display
        self.environment = environment

    def xdotool(self, *args: str | int) -> str:
        """Moves, presses, looks; answers what it said."""
        done = subprocess.run(
            ["xdotool", *map(str, args)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_WAIT_S,
        )
        if done.returncode:
            raise AssertionError(f"xdotool {args}: {done.stderr}")
        return done.stdout.strip()

    def window(self, title: str) -> str:
        """The id of a visible window, waited for."""
        return self.xdotool("search", "--sync", "--onlyvisible", "--limit", 1, "--name", title)

    def place(self, window: str, x: int, y: int) -> None:
        """Puts a window somewhere, and waits until it is there."""
        self.xdotool("windowmove", "--sync", window, x, y)

    @contextmanager
    def python(self, *args: str | Path, **variables: str) -> Generator[subprocess.Popen[str]]:
        """Runs a Python program on this screen, ended at last; its standard output can be read."""
        with subprocess.Popen(
            [sys.executable, *map(str, args)],
            cwd=ROOT,
            env={**self.environment, "PYTHONPATH": str(ROOT), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(_WAIT_S)
                except subprocess.TimeoutExpired:
                    process.kill()


@contextmanager
def x_screen(folder: Path) -> Generator[XScreen]:
    """A screen with a window manager; skips, and fails in CI, where the programs for it are missing."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        lacking(f"a real screen needs {', '.join(missing)}")
    home = folder / "screen-home"
    home.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "QT_QPA_PLATFORM": "xcb",
        "XDG_RUNTIME_DIR": str(home),
    }
    with ExitStack() as stack:
        read, write = os.pipe()
        server = stack.enter_context(
            _running(
                ["Xvfb", "-displayfd", str(write), "-screen", "0", _SIZE, "-nolisten", "tcp", "-ac"],
                environment,
                pass_fds=(write,),
            )
        )
        os.close(write)
        with os.fdopen(read) as told:
            number = told.readline().strip()  # comes when the server takes clients
        assert number, f"Xvfb did not start: {server.poll()}"
        screen = XScreen(f":{number}", {**environment, "DISPLAY": f":{number}"})
        stack.enter_context(_running(["openbox", "--sm-disable"], screen.environment))
        yield screen


@contextmanager
def _running(
    command: list[str], environment: dict[str, str], pass_fds: tuple[int, ...] = ()
) -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command,
        env=environment,
        pass_fds=pass_fds,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def drag(screen: XScreen, source: str, target: str, done: Callable[[], bool]) -> None:
    """Drags from the middle of one window to the middle of another, in the small steps that a hand makes.

    The button is let go once `done` holds: what happens on the way tells that the target heard of the drag.
    """
    start, end = _middle(screen, source), _middle(screen, target)
    screen.xdotool("mousemove", "--sync", *start)
    screen.xdotool("mousedown", 1)
    for step in range(1, 21):
        x, y = (round(a + (b - a) * step / 20) for a, b in zip(start, end, strict=True))
        screen.xdotool("mousemove", "--sync", x, y)
    for nudge in range(200):
        if done():
            break
        screen.xdotool("mousemove", "--sync", end[0] + nudge % 2, end[1])
    screen.xdotool("mouseup", 1)


def _middle(screen: XScreen, window: str) -> tuple[int, int]:
    lines = screen.xdotool("getwindowgeometry", "--shell", window).splitlines()
    found = dict(line.split("=", 1) for line in lines)
    x, y, width, height = (int(found[name]) for name in ("X", "Y", "WIDTH", "HEIGHT"))
    return x + width // 2, y + height // 2
