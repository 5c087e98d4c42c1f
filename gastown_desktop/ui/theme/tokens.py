"""The design's values, read from `resources/styles/tokens.json` once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from gastown_desktop.paths import resource

Scheme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class TypeRole:
    """One role of text: sizes in device-independent pixels."""

    px: int
    line: int
    weight: int
    mono: bool


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours by dotted name for both schemes, and the roles of text."""

    colours: dict[Scheme, dict[str, str]]
    types: dict[str, TypeRole]


@cache
def tokens() -> Tokens:
    """The tokens of this program."""
    raw: dict[str, Any] = json.loads(resource("styles/tokens.json").read_text(encoding="utf-8"))
    schemes: tuple[Scheme, Scheme] = ("light", "dark")
    return Tokens(
        colours={scheme: _flat(raw[scheme]) for scheme in schemes},
        types={
            name: TypeRole(role["px"], role["line"], role.get("weight", 400), role.get("family") == "mono")
            for name, role in raw["font"]["scale"].items()
        },
    )


def _flat(groups: dict[str, dict[str, str]]) -> dict[str, str]:
    return {f"{group}.{name}": value for group, names in groups.items() for name, value in names.items()}
