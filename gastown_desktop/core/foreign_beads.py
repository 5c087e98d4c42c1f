"""Beads of another town: work as drafts of ours, convoys for the eye, and by name whatever is neither.

The lines are those of `bd export` (`issues.jsonl`), of a town that used them for mail, agents and merge
requests as well. Source: beads `internal/types/types.go` (statuses, issue types, dependency types).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from gastown_desktop.core.bead import WAITING_KINDS, BeadStatus, Dependency
from gastown_desktop.core.beads_jsonl import KINDS_IN, NO_BEAD, ListedBead, listed_from
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.plain_text import one_line

MOST_BEADS = 5_000
"""Beads that one convoy may be begun with."""
LONGEST_LINE = 1_000_000
"""Characters of a line, above which it is not read."""
_NO_WORK = frozenset(
    {
        *("agent", "convoy", "event", "gate", "merge-request", "message", "molecule"),
        *("queue", "rig", "role", "slot", "wisp"),
    }
)
"""What they keep as beads and nobody works on."""
_OVER = ("closed", "tombstone")
_EXAMPLES = 3
_DRAFTS = frozenset({"open", "blocked"})
_LONGEST_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignConvoy:
    """A convoy of theirs: a bead that tracks others."""

    id: str
    title: str
    status: str
    tracks: tuple[str, ...]


@dataclass(slots=True)
class Notes:
    """What was not understood or not taken, counted by what it is, with the first few by name."""

    counts: Counter[str] = field(default_factory=Counter[str])
    examples: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def add(self, what: str, example: str) -> None:
        """Notes one more."""
        self.counts[what] += 1
        named = self.examples.setdefault(what, [])
        if len(named) < _EXAMPLES:
            named.append(one_line(example)[:_LONGEST_SHOWN])

    def lines(self) -> list[str]:
        """A line for each kind, in the order in which they were met."""
        return [f"{count} × {what}: {self._named(what, count)}" for what, count in self.counts.items()]

    def _named(self, what: str, count: int) -> str:
        more = ", …" if count > len(self.examples[what]) else ""
        return ", ".join(self.examples[what]) + more


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignBeads:
    """What a file of beads holds."""

    listed: tuple[ListedBead, ...] = ()
    """Work: open as drafts, closed as landed."""
    convoys: tuple[ForeignConvoy, ...] = ()
    others: Mapping[str, int] = field(default_factory=dict[str, int])
    """What is no work, counted by type."""
    over: frozenset[str] = frozenset()
    """Names of all beads, work or not, that are closed or deleted: they hold nobody back."""
    notes: tuple[str, ...] = ()

    @property
    def open(self) -> int:
        """How much work is not done."""
        return sum(one.status != "landed" for one in self.listed)

    @property
    def closed(self) -> int:
        """How much is."""
        return len(self.listed) - self.open


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Beads as a convoy of ours is begun with them."""

    listed: tuple[ListedBead, ...]
    notes: tuple[str, ...]


def read_beads(
    text: str, dependencies: Iterable[Mapping[str, Any]] = (), labels: Iterable[Mapping[str, Any]] = ()
) -> ForeignBeads:
    """Reads the lines of a file; no line stops the others.

    Args:
        text: the file.
        dependencies: those that another file has (`backup/dependencies.jsonl`), `issue_id` names their bead.
        labels: the same for labels (`backup/labels.jsonl`).
    """
    notes, others = Notes(), Counter[str]()
    waits, named = _by_bead(dependencies), _by_bead(labels)
    listed: dict[BeadId, ListedBead] = {}
    convoys: list[ForeignConvoy] = []
    over: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        fields = _fields(line, number, notes)
        if not fields:
            continue
        _join(fields, waits, named)
        if fields.get("status") in _OVER:
            over.add(str(fields.get("id")))
        kind = kind_of(fields)
        if kind == "convoy":
            convoys.append(_convoy(fields))
        elif kind:
            others[kind] += 1
        else:
            _take_in(fields, number, listed, notes)
    return ForeignBeads(
        listed=tuple(listed.values()),
        convoys=tuple(convoys),
        others=others,
        over=frozenset(over),
        notes=tuple(notes.lines()),
    )


def taken(beads: ForeignBeads, *, closed: bool) -> Taken:
    """The beads that go into a convoy, with what they wait for among themselves.

    What another tool's beads refer to besides is kept with the bead and written back on export.

    Args:
        beads: what was read.
        closed: whether finished work comes along.
    """
    notes = Notes()
    chosen = {one.bead.id: one for one in beads.listed if closed or one.status != "landed"}
    return Taken(
        listed=tuple(_with_neighbours(one, chosen, beads.over, notes) for one in chosen.values()),
        notes=tuple(notes.lines()),
    )


def kind_of(fields: Mapping[str, Any]) -> str:
    """What a line is that nobody works on; empty for work."""
    if fields.get("status") == "tombstone":
        return "deleted"
    kind = fields.get("issue_type", "task")
    if isinstance(kind, str) and kind in _NO_WORK:
        return kind
    about = {str(label).removeprefix("gt:") for label in _list(fields.get("labels")) if _is_mark(label)}
    if about & _NO_WORK:
        return min(about & _NO_WORK)
    if fields.get("_type", "issue") != "issue":
        return one_line(str(fields["_type"]))[:_LONGEST_SHOWN]
    if fields.get("ephemeral") in (True, 1) or "-wisp-" in str(fields.get("id")):
        return "wisp"
    return "molecule" if fields.get("is_template") in (True, 1) else ""


def _is_mark(label: object) -> bool:
    return isinstance(label, str) and label.startswith("gt:")


def _fields(line: str, number: int, notes: Notes) -> dict[str, Any]:
    """The object of a line; empty for none, which is noted unless the line is empty."""
    if not line.strip():
        return {}
    if len(line) > LONGEST_LINE:
        notes.add("line that is too long", f"line {number} has {len(line)} characters")
        return {}
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        notes.add("line that is no bead", f"line {number}")
        return {}
    return cast("dict[str, Any]", fields)


def _join(fields: dict[str, Any], waits: Mapping[str, list[Any]], named: Mapping[str, list[Any]]) -> None:
    """Puts in what other files say about a bead."""
    key = fields.get("id")
    if isinstance(key, str) and key in waits:
        fields["dependencies"] = [*_list(fields.get("dependencies")), *waits[key]]
    if isinstance(key, str) and key in named:
        labels = [str(one.get("label")) for one in named[key] if isinstance(one.get("label"), str)]
        fields["labels"] = [*_list(fields.get("labels")), *labels]


def _take_in(fields: dict[str, Any], number: int, listed: dict[BeadId, ListedBead], notes: Notes) -> None:
    """Reads one bead of work."""
    name = fields.get("id")
    shown = name if isinstance(name, str) and name else f"line {number}"
    waits = _list(fields.get("dependencies"))
    try:
        one = listed_from(_tamed({**fields, "dependencies": []}, shown, notes))
    except NO_BEAD as error:
        notes.add("bead that cannot be read", f"{shown} ({error})")
        return
    if one.bead.id in listed:
        notes.add("second bead of one name, left out", shown)
        return
    extra = dict(one.bead.extra)
    if waits:
        extra["dependencies"] = waits
    status = fields.get("status", "open")
    draft: BeadStatus = "draft" if one.status in _DRAFTS else one.status
    if draft == "draft" and status != "open":
        extra["status"] = status
    listed[one.bead.id] = replace(one, bead=replace(one.bead, extra=extra), status=draft)


def _tamed(fields: dict[str, Any], shown: str, notes: Notes) -> dict[str, Any]:
    """The same with values that ours can hold; what it was is noted."""
    priority = fields.get("priority", 2)
    if isinstance(priority, bool) or not isinstance(priority, int) or not 0 <= priority <= 4:
        notes.add("priority that is none of 0 to 4, read as 2", f"{shown} ({priority!r:.20})")
        fields["priority"] = 2
    kept = [label for label in _list(fields.get("labels")) if isinstance(label, str)]
    if kept != (fields.get("labels") or []):
        notes.add("label that is no text, left out", shown)
    fields["labels"] = kept
    for name in ("issue_type", "status"):
        if not isinstance(fields.get(name, ""), str):
            notes.add(f"{name} that is no text, left out", shown)
            del fields[name]
    return fields


def _with_neighbours(
    one: ListedBead, chosen: Mapping[BeadId, ListedBead], over: frozenset[str], notes: Notes
) -> ListedBead:
    """The bead with those dependencies that a convoy of ours can express; the others stay as they were."""
    bead, extra = one.bead, dict(one.bead.extra)
    ours: list[Dependency] = []
    theirs: list[Any] = []
    for given in _list(extra.pop("dependencies", [])):
        wanted = _dependency(bead.id, given)
        if wanted is not None and wanted.on in chosen and wanted.on != bead.id:
            ours.append(wanted)
            continue
        theirs.append(given)
        _note_lost(bead.id, given, wanted, over, notes)
    if theirs:
        extra["dependencies"] = theirs
    return replace(one, bead=replace(bead, extra=extra), dependencies=tuple(dict.fromkeys(ours)))


def _note_lost(
    bead: BeadId, given: Any, wanted: Dependency | None, over: frozenset[str], notes: Notes
) -> None:
    """Says which order is not kept; what is over holds nobody back."""
    if wanted is None:
        kind = cast("dict[str, Any]", given).get("type", "") if isinstance(given, dict) else ""
        shown = one_line(str(kind))[:_LONGEST_SHOWN] or "unknown"
        notes.add(f"dependency of the kind {shown}, kept for export and ordering nothing", bead)
    elif wanted.on not in over and wanted.kind in WAITING_KINDS:
        notes.add("dependency on what is no open bead here: that order is lost", f"{bead} → {wanted.on}")


def _dependency(bead: BeadId, given: Any) -> Dependency | None:
    """A dependency of theirs in our terms; None where ours have no such kind."""
    if not isinstance(given, dict):
        return None
    fields = cast("dict[str, Any]", given)
    kind, on = KINDS_IN.get(str(fields.get("type", "blocks"))), fields.get("depends_on_id")
    return (
        None if kind is None or not isinstance(on, str) else Dependency(bead=bead, on=BeadId(on), kind=kind)
    )


def _convoy(fields: Mapping[str, Any]) -> ForeignConvoy:
    listed = _list(fields.get("dependencies"))
    given = [cast("dict[str, Any]", one) for one in listed if isinstance(one, dict)]
    tracked = [one.get("depends_on_id") for one in given if one.get("type") == "tracks"]
    return ForeignConvoy(
        id=_word(fields.get("id")),
        title=_word(fields.get("title")),
        status=_word(fields.get("status")) or "open",
        tracks=tuple(_word(one) for one in tracked if isinstance(one, str)),
    )


def _by_bead(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for entry in entries:
        key = entry.get("issue_id")
        if isinstance(key, str):
            found.setdefault(key, []).append(entry)
    return found


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _word(value: object) -> str:
    return one_line(value)[:_LONGEST_SHOWN] if isinstance(value, str) else ""
