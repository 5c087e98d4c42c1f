"""A slot without a disk and a sandbox without processes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.engine.process_ports import CommandResult, Confinement, Shell

Answer = Callable[[str], CommandResult]


class MemoryFiles:
    """Implements the SlotFiles port on a dictionary."""

    def __init__(self, **files: bytes) -> None:
        self.files: dict[str, bytes] = dict(files)

    def read(self, path: str, limit: int) -> bytes:
        if path not in self.files:
            raise ToolRefused(f"{path} does not exist.")
        data = self.files[path]
        if len(data) > limit:
            raise ToolRefused(f"{path} has {len(data)} bytes; at most {limit} can be read.")
        return data

    def write(self, path: str, data: bytes) -> None:
        self.files[path] = data


def said(text: str = "", exit_code: int = 0, *, timed_out: bool = False) -> CommandResult:
    return CommandResult(exit_code=exit_code, output=text.encode(), timed_out=timed_out)


@dataclass(frozen=True)
class Ran:
    """A command that was run, and for how long it could have."""

    command: str
    timeout_s: float
    in_shell: bool


class FakeShell:
    """Implements the Shell port."""

    def __init__(self, sandbox: FakeSandbox) -> None:
        self._sandbox = sandbox
        self.closed = False
        self.held = False
        """What runs in it stands still."""

    async def run(self, command: str, *, timeout_s: float) -> CommandResult:
        self._sandbox.ran.append(Ran(command, timeout_s, in_shell=True))
        return self._sandbox.answer(command)

    @asynccontextmanager
    async def still(self) -> AsyncGenerator[None]:
        self.held = True
        try:
            yield
        finally:
            self.held = False

    async def close(self) -> None:
        self.closed = True


class FakeSandbox:
    """Implements the Sandbox port: answers each command and remembers it."""

    confined = True
    profile = "fake"

    def __init__(self, answer: Answer = lambda _: said()) -> None:
        self.answer = answer
        self.ran: list[Ran] = []
        self.shells: list[FakeShell] = []

    async def run(
        self, command: str, confinement: Confinement, *, timeout_s: float, output_limit: int = 30_000
    ) -> CommandResult:
        del confinement, output_limit
        self.ran.append(Ran(command, timeout_s, in_shell=False))
        return self.answer(command)

    async def shell(self, confinement: Confinement) -> Shell:
        del confinement
        self.shells.append(FakeShell(self))
        return self.shells[-1]
