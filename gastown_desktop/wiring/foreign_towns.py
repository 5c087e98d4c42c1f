"""An open-source Gas Town folder, surveyed: its rigs with their beads, its convoys and its formulas.

Only files of known names are read, each up to a limit, none through a link; whatever cannot be read or is not
understood is named in the survey.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from gastown_desktop.adapters.foreign_folder import ForeignFolder
from gastown_desktop.core.errors import Refused, Unusable
from gastown_desktop.core.foreign_beads import ForeignBeads, ForeignConvoy, read_beads
from gastown_desktop.core.foreign_town import (
    ForeignFormula,
    ForeignRig,
    formula_in,
    rig_in,
    rigs_in,
    routes_in,
    town_name,
)
from gastown_desktop.core.plain_text import shown_path

TOWN = "town"
"""Stands for the name of a rig where beads belong to the town itself."""
_LARGEST_LIST = 64_000_000
_LARGEST_FILE = 1_000_000
_MOST_NAMES = 2_000
_LISTS = (".beads/issues.jsonl", ".beads/beads.jsonl", ".beads/backup/issues.jsonl")
"""Where beads are as lines, the most trustworthy first."""
_DATABASES = frozenset({"metadata.json", "dolt", "beads.db", "embeddeddolt"})
_FORMULA = (".formula.toml", ".formula.json")
_READ_IN_TOWN = frozenset({".beads", "mayor"})
_READ_IN_RIG = frozenset({".beads", "mayor", "config.json"})

_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class FoundRig:
    """A rig with what is kept about its work."""

    rig: ForeignRig
    beads: ForeignBeads = field(default_factory=ForeignBeads)
    file: str = ""
    """The list that its beads were read from; empty where there is none."""


@dataclass(slots=True, kw_only=True)
class FoundTown:
    """Everything that was found, in the order in which it was found."""

    name: str
    rigs: list[FoundRig] = field(default_factory=list[FoundRig])
    formulas: list[ForeignFormula] = field(default_factory=list[ForeignFormula])
    notes: list[str] = field(default_factory=list[str])
    """What could not be read, or was not."""

    @property
    def convoys(self) -> list[ForeignConvoy]:
        """Convoys of the town and of all rigs."""
        return [convoy for one in self.rigs for convoy in one.beads.convoys]

    def with_beads(self) -> list[FoundRig]:
        """Rigs that have work."""
        return [one for one in self.rigs if one.beads.listed]


def survey(path: Path) -> FoundTown:
    """Looks through a town.

    Raises:
        Refused: the path is no folder, or nothing of a town is in it.
    """
    if not path.is_dir():
        raise Refused(f"There is no folder {path}.")
    return _Survey(path).made()


class _Survey:
    """One walk through a town."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = ForeignFolder(path)
        self._town = FoundTown(name=path.resolve().name)

    def made(self) -> FoundTown:
        top = self._try(lambda: self._folder.names("", _MOST_NAMES)) or []
        if not {".beads", "mayor"} & set(top):
            raise Refused(
                f"{self._path} is no Gas Town folder: neither mayor/rigs.json nor .beads is in it.",
                remedy="Name the folder that `gt install` made, often ~/gt.",
            )
        named = self._read("mayor/town.json", _LARGEST_FILE, town_name)
        self._town.name = named or self._town.name
        routes = self._read(".beads/routes.jsonl", _LARGEST_FILE, routes_in) or {}
        rigs = self._rigs(top)
        self._add(ForeignRig(name=TOWN), ("",))
        for rig in rigs:
            route = routes.get(rig.prefix, "").rstrip("/")
            places = (route, f"{rig.name}/mayor/rig", rig.name)
            self._add(rig, tuple(dict.fromkeys(place for place in places if place not in {"", "."})))
            self._name_unread(rig.name, _READ_IN_RIG)
        known = _READ_IN_TOWN | {rig.name.partition("/")[0] for rig in rigs}
        self._note_unread("the town", [name for name in top if name not in known])
        return self._town

    def _rigs(self, top: list[str]) -> list[ForeignRig]:
        """Those of the registry, then folders that say of themselves that they are one."""
        rigs = {rig.name: rig for rig in self._read("mayor/rigs.json", _LARGEST_FILE, rigs_in) or ()}
        for name in top:
            if name in rigs or name.startswith(".") or name in _READ_IN_TOWN:
                continue
            file = f"{name}/config.json"
            if not self._is_there(file):
                continue
            rig = self._read(file, _LARGEST_FILE, lambda text, name=name: rig_in(name, text))
            if rig is not None:
                rigs[name] = rig
        return list(rigs.values())

    def _is_there(self, file: str) -> bool:
        """Tells whether a file is there; in what is no folder there is none."""
        try:
            return self._folder.read(file, _LARGEST_FILE) is not None
        except Unusable:
            return False

    # --- beads ---

    def _add(self, rig: ForeignRig, places: tuple[str, ...]) -> None:
        """Reads the beads of a rig from the first list that is there."""
        found = FoundRig(rig=rig)
        self._town.rigs.append(found)
        for place in places:
            self._formulas(_in(place, ".beads/formulas"))
            for name in _LISTS:
                file = _in(place, name)
                text = self._read(file, _LARGEST_LIST, str)
                if text is None:
                    continue
                if found.file:
                    self._town.notes.append(f"{shown_path(file)} was not read; {found.file} was.")
                    continue
                found.file = shown_path(file)
                found.beads = read_beads(
                    text,
                    self._lines(file, "dependencies.jsonl", name),
                    self._lines(file, "labels.jsonl", name),
                )
        if not found.file:
            self._say_why_none(rig, places)

    def _lines(self, file: str, beside: str, name: str) -> Iterator[dict[str, Any]]:
        """Objects of a list that stands beside a back-up of beads."""
        if "backup" not in name:
            return
        text = self._read(file.replace("issues.jsonl", beside), _LARGEST_LIST, str) or ""
        for number, line in enumerate(text.split("\n"), 1):
            try:
                fields = json.loads(line) if line.strip() else None
            except (ValueError, RecursionError):
                self._town.notes.append(f"Line {number} of {shown_path(beside)} cannot be read.")
                continue
            if isinstance(fields, dict):
                yield cast("dict[str, Any]", fields)

    def _say_why_none(self, rig: ForeignRig, places: tuple[str, ...]) -> None:
        names = {
            name
            for place in places
            for name in self._try(lambda place=place: self._folder.names(_in(place, ".beads"), _MOST_NAMES))
            or ()
        }
        whose = "the town itself" if rig.name == TOWN else f"the rig {shown_path(rig.name)}"
        if names & _DATABASES:
            self._town.notes.append(
                f"Beads of {whose} are in a database only. Write them out there with "
                "`bd export -o .beads/issues.jsonl`, then look again."
            )
        elif rig.name != TOWN:
            self._town.notes.append(f"No beads of {whose} are here.")

    # --- formulas and the rest ---

    def _formulas(self, folder: str) -> None:
        for name in self._try(lambda: self._folder.names(folder, _MOST_NAMES)) or ():
            file = f"{folder}/{name}"
            if not name.endswith(_FORMULA):
                self._town.notes.append(f"{shown_path(file)} is no formula.")
                continue
            formula = self._read(file, _LARGEST_FILE, lambda text, file=file: formula_in(file, text))
            if formula is not None:
                self._town.formulas.append(formula)

    def _name_unread(self, rig: str, read: frozenset[str]) -> None:
        names = self._try(lambda: self._folder.names(rig, _MOST_NAMES)) or []
        self._note_unread(f"the rig {shown_path(rig)}", [name for name in names if name not in read])

    def _note_unread(self, whose: str, names: list[str]) -> None:
        if names:
            listed = ", ".join(shown_path(name) for name in names[:20])
            more = f" and {len(names) - 20} more" if len(names) > 20 else ""
            self._town.notes.append(f"Not read of {whose}: {listed}{more}.")

    # --- reading ---

    def _read(self, file: str, limit: int, parse: Callable[[str], _T]) -> _T | None:
        """What a file says; None where it is not there, or says nothing that can be read, which is noted."""
        text = self._try(lambda: self._folder.read(file, limit))
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self._town.notes.append(f"{shown_path(file)} cannot be read: {error}.")
            return None

    def _try(self, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except Unusable as unusable:
            self._town.notes.append(str(unusable))
            return None


def _in(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name
