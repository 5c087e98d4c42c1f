"""Beads in the `bd` tool's exchange form: one JSON object a line (`issues.jsonl`).

Fields read: id, title, description, acceptance_criteria, status, priority, issue_type, labels and
dependencies (`issue_id`, `depends_on_id`, `type`). All others are kept and written back; so are dependencies
that ours cannot express, which a bead of another town has in `extra`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from gastown_desktop.core.bead import (
    BEAD_KINDS,
    DEPENDENCY_KINDS,
    Bead,
    BeadKind,
    BeadStatus,
    Dependency,
    DependencyKind,
)
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId

_OURS = frozenset(
    {
        "id",
        "title",
        "description",
        "acceptance_criteria",
        "status",
        "priority",
        "issue_type",
        "labels",
        "dependencies",
    }
)
_STATUS_IN: dict[str, BeadStatus] = {
    "open": "open",
    "in_progress": "open",
    "blocked": "blocked",
    "deferred": "deferred",
    "closed": "landed",
}
_STATUS_OUT: dict[BeadStatus, str] = {
    "draft": "open",
    "open": "open",
    "hooked": "in_progress",
    "submitted": "in_progress",
    "merged": "in_progress",
    "landed": "closed",
    "blocked": "blocked",
    "deferred": "deferred",
    "failed": "open",
    "discarded": "closed",
}


KINDS_IN: dict[str, DependencyKind] = {
    **{kind: cast("DependencyKind", kind) for kind in DEPENDENCY_KINDS},
    "conditional-blocks": "conditional",
    "parent-child": "parent",
}
"""Kinds of dependencies as a file spells them; ours too."""
_AS_GIVEN = frozenset({"draft", "open"})
"""States of ours in which a bead is still what the file said."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
NO_BEAD = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading a line that is no bead ends with."""
_ALWAYS = frozenset({"id", "title", "status"})
"""Fields that are written even when they are empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedBead:
    """A bead of a file, with its status and what it waits for."""

    bead: Bead
    status: BeadStatus
    dependencies: tuple[Dependency, ...]


def parse(text: str) -> list[ListedBead]:
    """Reads a file.

    Raises:
        Refused: a line is no bead; names the line.
    """
    listed: list[ListedBead] = []
    known: set[BeadId] = set()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            one = listed_from(json.loads(line))
        except NO_BEAD as error:
            raise Refused(f"Line {number} is no bead: {error}.", remedy="Mend it and import again.") from None
        if one.bead.id in known:
            raise Refused(f"Line {number} is a second bead {one.bead.id}.", remedy="Remove one of the two.")
        known.add(one.bead.id)
        listed.append(one)
    missing = {dependency.on for one in listed for dependency in one.dependencies} - known
    if missing:
        raise Refused(f"Beads that others depend on are missing from the file: {', '.join(sorted(missing))}.")
    return listed


def render(listed: Iterable[ListedBead]) -> str:
    """Writes a file that `parse` and the `bd` tool read."""
    return "".join(_line(_fields(one)) + "\n" for one in listed)


def _line(fields: dict[str, Any]) -> str:
    """One object; half a surrogate pair, which no file can hold, is written as an escape."""
    text = json.dumps(fields, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(fields)
    return text


def listed_from(fields: dict[str, Any]) -> ListedBead:
    """The bead that the object of a line is.

    Raises:
        ValueError: it is none; so do the others of `NO_BEAD`.
    """
    bead_id = _name(fields["id"])
    kind = fields.get("issue_type", "task")
    status = fields.get("status", "open")
    extra = {name: value for name, value in fields.items() if name not in _OURS}
    if kind not in BEAD_KINDS:
        extra["issue_type"], kind = kind, "task"
    if status not in _STATUS_IN:
        extra["status"], status = status, "open"
    return ListedBead(
        bead=Bead(
            id=bead_id,
            title=_text(fields["title"]),
            description=_text(fields.get("description") or ""),
            acceptance=_text(fields.get("acceptance_criteria") or ""),
            kind=cast("BeadKind", kind),
            priority=int(fields.get("priority", 2)),
            labels=tuple(map(_text, fields.get("labels") or ())),
            extra=extra,
        ),
        status=_STATUS_IN[status],
        dependencies=tuple(_dependency(bead_id, one) for one in fields.get("dependencies") or ()),
    )


def _dependency(bead: BeadId, fields: dict[str, Any]) -> Dependency:
    given = fields.get("type", "blocks")
    kind = KINDS_IN.get(given)
    if kind is None:
        raise ValueError(f"a dependency of the unknown type {given}")
    return Dependency(bead=bead, on=BeadId(_text(fields["depends_on_id"])), kind=kind)


def _fields(one: ListedBead) -> dict[str, Any]:
    bead = one.bead
    fields: dict[str, Any] = {
        "id": bead.id,
        "title": bead.title,
        "description": bead.description,
        "acceptance_criteria": bead.acceptance,
        "status": _STATUS_OUT[one.status],
        "priority": bead.priority,
        "issue_type": bead.kind,
        "labels": list(bead.labels),
        "dependencies": [
            {"issue_id": dependency.bead, "depends_on_id": dependency.on, "type": _kind_out(dependency.kind)}
            for dependency in one.dependencies
        ]
        + list(bead.extra.get("dependencies", ())),
    }
    written = {name: value for name, value in fields.items() if name in _ALWAYS or value not in ("", [])}
    moved_on = {"dependencies"} if one.status in _AS_GIVEN else {"dependencies", "status"}
    return {**written, **{name: value for name, value in bead.extra.items() if name not in moved_on}}


def _kind_out(kind: str) -> str:
    return {"conditional": "conditional-blocks", "parent": "parent-child"}.get(kind, kind)


def _name(value: object) -> BeadId:
    """A name that can be part of a ref, of a trailer and of a line on a terminal.

    Raises:
        ValueError: it cannot.
    """
    name = _text(value)
    if not _NAME.fullmatch(name) or ".." in name or name.endswith((".", ".lock")):
        raise ValueError("its id may have letters, digits, `.`, `_` and `-` only, 100 at most")
    return BeadId(name)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
