"""What the files of an open-source Gas Town folder say: its rigs, its routes, its formulas.

Sources: gastown `docs/reference.md`, `docs/design/architecture.md` and `internal/config/types.go`
(TownConfig, RigsConfig, RigEntry), beads `docs/ROUTING.md`. Nothing here is believed: every field may be
missing, of another type, or a text that wants something.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from gastown_desktop.core.plain_text import one_line
from gastown_desktop.core.toml_text import toml_in

MOST_RIGS = 200
_LONGEST = 500
"""Characters that are shown of a name or an address."""
_NO_JSON = (ValueError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRig:
    """A rig as `mayor/rigs.json` or its own `config.json` has it."""

    name: str
    repository: str = ""
    """The address that it was cloned from."""
    local: str = ""
    """A checkout that its owner named; nothing is read there."""
    prefix: str = ""
    """What its bead ids begin with, without the dash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFormula:
    """A recipe of theirs: steps that are poured into beads."""

    name: str
    kind: str = ""
    steps: int = 0
    description: str = ""
    file: str = ""


def town_name(text: str) -> str:
    """The town's name in `mayor/town.json`; empty where it has none."""
    return _word(_object(text).get("name"))


def rigs_in(text: str) -> list[ForeignRig]:
    """The rigs of `mayor/rigs.json`, in its order.

    Raises:
        ValueError: it is no such file, or names more rigs than anybody has.
    """
    listed = _object(text).get("rigs")
    rigs = cast("dict[str, Any]", listed) if isinstance(listed, dict) else None
    if rigs is None:
        raise ValueError("it names no rigs")
    if len(rigs) > MOST_RIGS:
        raise ValueError(f"it names {len(rigs)} rigs; at most {MOST_RIGS} are read")
    return [
        _rig(name, cast("dict[str, Any]", entry) if isinstance(entry, dict) else {})
        for name, entry in rigs.items()
    ]


def rig_in(name: str, text: str) -> ForeignRig:
    """The rig of a `<rig>/config.json`.

    Raises:
        ValueError: it is no such file.
    """
    fields = _object(text)
    if fields.get("type", "rig") != "rig":
        raise ValueError("it is not about a rig")
    return _rig(name, fields)


def routes_in(text: str) -> dict[str, str]:
    """Where the beads of each prefix are, relative to the town (`routes.jsonl`); other lines say nothing."""
    routes: dict[str, str] = {}
    for line in text.split("\n"):
        fields = _object_or_nothing(line)
        prefix, path = fields.get("prefix"), fields.get("path")
        if isinstance(prefix, str) and isinstance(path, str):
            routes[prefix.rstrip("-")] = path
    return routes


def formula_in(file: str, text: str) -> ForeignFormula:
    """A formula (`*.formula.toml` or `*.formula.json`).

    Raises:
        ValueError: it cannot be read.
    """
    try:
        fields = json.loads(text) if file.endswith(".json") else toml_in(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(fields, dict):
        raise ValueError("it is no formula")  # noqa: TRY004 - one error for whatever it is instead
    known = cast("dict[str, Any]", fields)
    parts = [known.get(name) for name in ("steps", "template", "legs", "aspects")]
    return ForeignFormula(
        name=_word(known.get("formula")) or file.partition(".formula.")[0],
        kind=_word(known.get("type")),
        steps=sum(len(cast("list[Any]", part)) for part in parts if isinstance(part, list)),
        description=_word(known.get("description")),
        file=file,
    )


def _rig(name: str, fields: Mapping[str, Any]) -> ForeignRig:
    beads = fields.get("beads")
    prefix = cast("dict[str, Any]", beads).get("prefix") if isinstance(beads, dict) else ""
    return ForeignRig(
        name=name,
        repository=_word(fields.get("git_url")),
        local=_word(fields.get("local_repo")),
        prefix=_word(prefix).rstrip("-"),
    )


def _object(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except _NO_JSON:
        raise ValueError("it is no JSON") from None
    if not isinstance(fields, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - one error for whatever it is instead
    return cast("dict[str, Any]", fields)


def _object_or_nothing(text: str) -> dict[str, Any]:
    try:
        return _object(text)
    except ValueError:
        return {}


def _word(value: object) -> str:
    """A text as one line that can be shown; anything else is empty."""
    return one_line(value)[:_LONGEST] if isinstance(value, str) else ""
