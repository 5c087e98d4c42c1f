"""How a sandbox without a network gets its one way out: a listener inside that the engine answers.

`gastown_desktop.door` runs inside, in the sandbox's own network, before the command; this is the other side.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gastown_desktop import door
from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.process_ports import ChildCommand, Finished, Launcher, Network, Serving

PORT = 13128
"""Where the proxy listens in every sandbox, on its own loopback; below the ports that systems give out."""
_PROXY = f"http://127.0.0.1:{PORT}"
_NOT_THROUGH_IT = "localhost,127.0.0.1,::1"
VARIABLES: Mapping[str, str] = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"), _PROXY),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), _NOT_THROUGH_IT),
}
"""What tells programs of the proxy; a worker's own servers are reached without it."""
_INSIDE = Path("/run/gastown-door")
_SEEN = (Path("/usr"), Path("/opt"))
_OPEN_S = 20.0


@dataclass(frozen=True, slots=True)
class Opener:
    """The program that runs inside: the interpreter that runs us, or the bundle that we are."""

    words: tuple[str, ...]
    """What is run, before port and file."""
    mounts: tuple[tuple[Path, Path], ...]
    """(real, inside) pairs that it needs to see."""
    libraries: str = ""
    """Where its libraries are inside."""

    def prologue(self, file: int) -> str:
        """What `sh` does before its command; without a listener it ends."""
        where = f"LD_LIBRARY_PATH={shlex.quote(self.libraries)} " if self.libraries else ""
        return f"{where}{shlex.join((*self.words, str(PORT), str(file)))} </dev/null >/dev/null || exit; "


def find_opener() -> Opener:
    """Finds the program for this installation: an interpreter of the system need not be there.

    Of an interpreter below the user's folders only itself, its library and its modules are bound.
    """
    if getattr(sys, "frozen", False):
        program = Path(sys.executable).resolve()
        app = _INSIDE / "app"
        return Opener((str(app / program.name), door.WORD), ((program.parent, app),))
    python = Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()
    script = (Path(door.__file__).resolve(), _INSIDE / "door.py")
    bare = ("-I", "-S", str(script[1]))
    if any(python.is_relative_to(root) for root in _SEEN):
        return Opener((str(python), *bare), (script,))
    home = _INSIDE / "python"
    modules = Path(sysconfig.get_path("stdlib"))
    library = Path(
        str(sysconfig.get_config_var("LIBDIR") or ""), str(sysconfig.get_config_var("INSTSONAME") or "")
    )
    mounts = [script, (python, home / "bin" / python.name), (modules, home / sys.platlibdir / modules.name)]
    if library.is_file():
        mounts.append((library.resolve(), home / "lib" / library.name))
    return Opener((str(home / "bin" / python.name), *bare), tuple(mounts), str(home / "lib"))


@dataclass(slots=True)
class Door:
    """The way out of one sandbox.

    Args:
        network: answers what comes through.
        slot: whose it is.
    """

    network: Network
    slot: str
    opened: bool = False
    """The listener came, and is answered."""
    _ours: socket.socket = field(init=False)
    _theirs: socket.socket = field(init=False)
    _serving: Serving | None = None

    def __post_init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)

    @property
    def file(self) -> int:
        """The socket that the sandbox inherits."""
        return self._theirs.fileno()

    def started(self) -> None:
        """Gives the sandbox's end up: whoever should have it has it."""
        self._theirs.close()

    async def open(self) -> bool:
        """Waits for the listener, and lets it be answered; False when the sandbox ended without one."""
        handed = None
        try:
            async with asyncio.timeout(_OPEN_S):
                handed = await self._handed()
        except TimeoutError:
            pass
        finally:
            self._ours.close()
        if handed is None:
            return False
        listener = _listener(handed)
        if listener is None:
            return False
        self._serving = await self.network.serve(listener, self.slot)
        self.opened = True
        return True

    async def _handed(self) -> int | None:
        loop = asyncio.get_running_loop()
        file: asyncio.Future[int | None] = loop.create_future()

        def ready() -> None:
            loop.remove_reader(self._ours)
            try:
                _, files, _, _ = socket.recv_fds(self._ours, 1, 1, socket.MSG_CMSG_CLOEXEC)
            except OSError:
                files = []
            file.set_result(files[0] if files else None)

        loop.add_reader(self._ours, ready)
        try:
            return await file
        finally:
            loop.remove_reader(self._ours)

    async def close(self) -> None:
        """Ends it with everything that goes through it; twice is no error."""
        self._theirs.close()
        self._ours.close()
        if self._serving is not None:
            await self._serving.close()


async def run_behind(door: Door, launcher: Launcher, command: ChildCommand) -> Finished:
    """Runs a child, and answers its listener meanwhile."""

    async def run() -> Finished:
        try:
            return await launcher.run(command)
        finally:
            door.started()

    finished, _ = await asyncio.gather(run(), door.open())
    return finished


def not_opened() -> Refused:
    """The sandbox has no way out although it should have one."""
    return Refused("The way to the allowed hosts could not be made.", safe="The command was not run.")


def _listener(file: int) -> socket.socket | None:
    """What comes out of a sandbox is looked at: only a listener on a loopback is answered."""
    try:
        listener = socket.socket(fileno=file)
    except OSError:
        os.close(file)
        return None
    listener.setblocking(False)
    if _listens_inside(listener):
        return listener
    listener.close()
    return None


def _listens_inside(listener: socket.socket) -> bool:
    try:
        return (
            listener.family == socket.AF_INET
            and listener.type == socket.SOCK_STREAM
            and listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
            and listener.getsockname()[0] == "127.0.0.1"
        )
    except OSError:
        return False
