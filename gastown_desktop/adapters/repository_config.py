"""`.gastown.toml`: what a repository may propose, and which of its wishes are ignored."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.gates import GATE_TIMEOUT_S, Gate

NAME = ".gastown.toml"
_PROPOSED = frozenset({"gates", "setup", "copy", "generated", "union", "serial", "prefix"})


class _GateTable(BaseModel):
    """One `[[gates]]` table."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=60)
    command: str = Field(min_length=1, max_length=10_000)
    timeout_s: float = Field(default=GATE_TIMEOUT_S, gt=0, le=24 * 3600)


class _File(BaseModel):
    """What is read of the file today; other proposals are checked where they are used."""

    model_config = ConfigDict(extra="ignore", strict=True)

    gates: list[_GateTable | str] = Field(default_factory=list[_GateTable | str], max_length=20)
    prefix: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9]{0,7}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryConfig:
    """What a repository proposes."""

    gates: tuple[Gate, ...] = ()
    prefix: str | None = None
    ignored: tuple[str, ...] = ()
    """Keys that a repository may not set, or that nobody knows."""


def parse(text: bytes) -> RepositoryConfig:
    """Reads a `.gastown.toml`.

    Raises:
        Refused: it is no TOML, or a value in it makes no sense.
    """
    try:
        raw: dict[str, Any] = tomllib.loads(text.decode())
        file = _File.model_validate(raw)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise Refused(f"{NAME} cannot be read: {error}.", remedy="Mend it and commit it.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Refused(f"{NAME}: {place}: {first['msg']}.", remedy="Mend it and commit it.") from None
    gates = tuple(_gate(number, gate) for number, gate in enumerate(file.gates, 1))
    return RepositoryConfig(
        gates=gates, prefix=file.prefix, ignored=tuple(sorted(key for key in raw if key not in _PROPOSED))
    )


def _gate(number: int, gate: _GateTable | str) -> Gate:
    if isinstance(gate, str):
        return Gate(f"gate {number}", gate)
    return Gate(gate.name, gate.command, gate.timeout_s)
