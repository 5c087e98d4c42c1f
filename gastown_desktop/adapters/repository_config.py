"""`.gastown.toml`: what a repository may propose, and which of its wishes are ignored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gastown_desktop.core.errors import Refused
from gastown_desktop.core.preparation import SETUP_TIMEOUT_S, SetupStep
from gastown_desktop.core.serialising import Generated, SerialisingFiles
from gastown_desktop.core.toml_text import toml_in
from gastown_desktop.engine.gates import GATE_TIMEOUT_S, Gate

NAME = ".gastown.toml"
_PROPOSED = frozenset({"gates", "setup", "copy", "generated", "union", "serial", "prefix"})


class _GateTable(BaseModel):
    """One `[[gates]]` table."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=60)
    command: str = Field(min_length=1, max_length=10_000)
    timeout_s: float = Field(default=GATE_TIMEOUT_S, gt=0, le=24 * 3600)


def _inside(path: str) -> str:
    """A path or pattern that stays within the repository and out of git's own files."""
    parts = path.split("/")
    if "" in parts or {".", ".."} & set(parts) or "\\" in path or not path.isprintable():
        raise ValueError("must be relative to the top of the repository, with / between its parts")
    if any(part.lower() == ".git" for part in parts):
        raise ValueError("must not lead into .git")
    return path


def _pattern(text: str) -> str:
    """A pattern as in .gitattributes; a leading slash means the top."""
    _inside(text.removeprefix("/"))
    return text


_Path = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_inside)]
_Pattern = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_pattern)]


class _GeneratedTable(BaseModel):
    """One `[[generated]]` table."""

    model_config = ConfigDict(extra="forbid", strict=True)

    path: _Path
    command: str = Field(min_length=1, max_length=10_000)


_Command = Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"\S")]


class _SetupTable(BaseModel):
    """One `[[setup]]` table."""

    model_config = ConfigDict(extra="forbid", strict=True)

    command: _Command
    timeout_s: float = Field(default=SETUP_TIMEOUT_S, gt=0, le=24 * 3600)


def _listed(setup: object) -> object:
    """One command is a list of one."""
    return [setup] if isinstance(setup, str) else setup


_Setup = Annotated[list[_SetupTable | _Command], Field(max_length=20), BeforeValidator(_listed)]


def _top_pattern(text: str) -> str:
    """A pattern below the top of the repository; `:` at its start would be git's own magic."""
    _inside(text.removeprefix("/"))
    return text.removeprefix("/")


class _File(BaseModel):
    """What is read of the file."""

    model_config = ConfigDict(extra="ignore", strict=True)

    gates: list[_GateTable | str] = Field(default_factory=list[_GateTable | str], max_length=20)
    setup: _Setup = Field(default_factory=list[_SetupTable | str])
    copied: list[Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_top_pattern)]] = Field(
        default_factory=list[str], max_length=50, alias="copy"
    )
    generated: list[_GeneratedTable] = Field(default_factory=list[_GeneratedTable], max_length=50)
    union: list[_Pattern] = Field(default_factory=list[_Pattern], max_length=50)
    serial: list[_Pattern] = Field(default_factory=list[_Pattern], max_length=50)
    prefix: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9]{0,7}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryConfig:
    """What a repository proposes."""

    gates: tuple[Gate, ...] = ()
    setup: tuple[SetupStep, ...] = ()
    """Commands that prepare a working folder, in their order."""
    copied: tuple[str, ...] = ()
    """Patterns of ignored files that working folders need: `config/*.json`, `**/.env.test`."""
    serialising: SerialisingFiles = field(default=SerialisingFiles())
    """Files that many beads touch at the same place, and how they are settled."""
    prefix: str | None = None
    ignored: tuple[str, ...] = ()
    """Keys that a repository may not set, or that nobody knows."""


def parse(text: bytes) -> RepositoryConfig:
    """Reads a `.gastown.toml`.

    Raises:
        Refused: it is no TOML, or a value in it makes no sense.
    """
    try:
        raw = toml_in(text.decode())
        file = _File.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Refused(f"{NAME}: {place}: {first['msg']}.", remedy="Mend it and commit it.") from None
    except (ValueError, RecursionError) as error:
        raise Refused(f"{NAME} cannot be read: {error}.", remedy="Mend it and commit it.") from None
    gates = tuple(_gate(number, gate) for number, gate in enumerate(file.gates, 1))
    return RepositoryConfig(
        gates=gates,
        setup=tuple(map(_step, file.setup)),
        copied=tuple(dict.fromkeys(file.copied)),
        serialising=_serialising(file),
        prefix=file.prefix,
        ignored=tuple(sorted(key for key in raw if key not in _PROPOSED)),
    )


def _step(step: _SetupTable | str) -> SetupStep:
    return SetupStep(step) if isinstance(step, str) else SetupStep(step.command, step.timeout_s)


def _serialising(file: _File) -> SerialisingFiles:
    paths = [one.path for one in file.generated]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise Refused(f"{NAME}: generated: {twice} is listed twice.", remedy="Mend it and commit it.")
    return SerialisingFiles(
        generated=tuple(Generated(path=one.path, command=one.command) for one in file.generated),
        union=tuple(file.union),
        serial=tuple(file.serial),
    )


def _gate(number: int, gate: _GateTable | str) -> Gate:
    if isinstance(gate, str):
        return Gate(f"gate {number}", gate)
    return Gate(gate.name, gate.command, gate.timeout_s)
