"""What a tool may touch while it works for one polecat on one bead."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, cast

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.ids import BeadId, PolecatName
from gastown_desktop.engine.git_ports import SlotFiles
from gastown_desktop.engine.process_ports import CommandResult, Confinement, Sandbox, Shell

READ_LIMIT = 20 * 1024 * 1024
"""Bytes of the largest file a tool reads."""
OUTPUT_LIMIT = 30_000
"""Characters of a command's output that the model sees."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What a polecat hands in."""

    summary: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What a polecat asks the user."""

    text: str
    options: tuple[str, ...]
    default: str | None


@dataclass(slots=True, kw_only=True)
class Workbench:
    """One polecat's slot, shell and notes. Tools leave here what the polecat has to act on."""

    polecat: PolecatName
    bead: BeadId
    files: SlotFiles
    sandbox: Sandbox
    confinement: Confinement
    accept: Callable[[Submission], Awaitable[None]]
    """Checks and commits a submission; raises ToolRefused with what has to be mended."""
    read_paths: set[str] = field(default_factory=set[str])
    steps: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    notes: list[str] = field(default_factory=list[str])
    submission: Submission | None = None
    question: Question | None = None
    shell: Shell | None = None

    async def run(self, command: str, timeout_s: float) -> CommandResult:
        """Runs a command in the polecat's persistent shell, opened on first use."""
        if self.shell is None:
            self.shell = await self.sandbox.shell(self.confinement)
        return await self.shell.run(command, timeout_s=timeout_s)

    @asynccontextmanager
    async def still(self) -> AsyncGenerator[None]:
        """What commands left running stands still meanwhile.

        Git goes by paths: a folder that becomes a link while it stores a slot, or writes into it, would lead
        it out of there.
        """
        async with self.shell.still() if self.shell is not None else nullcontext():
            yield

    async def close(self) -> None:
        """Ends the shell."""
        if self.shell is not None:
            await self.shell.close()
            self.shell = None


class Tool(Protocol):
    """One tool: what the model is told, and what it does."""

    name: ClassVar[str]
    description: ClassVar[str]
    schema: ClassVar[Mapping[str, object]]

    def action(self, given: Mapping[str, Any]) -> str:
        """What it does, in words for a worker's card."""
        ...

    async def run(self, given: Mapping[str, Any], bench: Workbench) -> str:
        """Does it and returns what the model sees; raises ToolRefused with what to do instead."""
        ...


def text_of(given: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A string argument; bytes of a name that are no UTF-8 are carried as surrogate escapes.

    Raises:
        ToolRefused: it is missing, no string, or holds half a surrogate pair.
    """
    value = given.get(name, default)
    if not isinstance(value, str):
        raise ToolRefused(f"`{name}` must be a string.")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ToolRefused(f"`{name}` holds half a surrogate pair.") from None
    return value


def command_of(given: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A string argument that becomes part of a command line.

    Raises:
        ToolRefused: it is missing, no string, or holds a character that no command line can.
    """
    value = text_of(given, name, default)
    if "\0" in value:
        raise ToolRefused(f"`{name}` holds a NUL character.")
    return value


def number_of(given: Mapping[str, Any], name: str, default: int) -> int:
    """A whole-number argument.

    Raises:
        ToolRefused: it is no whole number.
    """
    value = given.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ToolRefused(f"`{name}` must be a whole number.")
    return value


def texts_of(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of strings, empty when missing.

    Raises:
        ToolRefused: it is something else.
    """
    value: object = given.get(name, [])
    if not isinstance(value, list):
        raise ToolRefused(f"`{name}` must be a list of strings.")
    items = cast("list[object]", value)
    if not all(isinstance(item, str) for item in items):
        raise ToolRefused(f"`{name}` must be a list of strings.")
    return tuple(cast("list[str]", items))


def object_schema(required: tuple[str, ...], **properties: Mapping[str, object]) -> dict[str, object]:
    """The JSON schema of a tool's input: an object with these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
