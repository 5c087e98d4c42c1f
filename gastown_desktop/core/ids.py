"""Identifiers and how they are spelled."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import NewType

RigId = NewType("RigId", str)
"""A repository: its folder's name in lower case, a dash, six hex digits of its real path."""
BeadId = NewType("BeadId", str)
"""A unit of work: rig prefix, a dash, five base36 digits."""
ConvoyId = NewType("ConvoyId", str)
"""A DAG of beads that lands together: `cv-` and five base36 digits."""
PolecatName = NewType("PolecatName", str)
"""A worker's name, from the pool."""
MergeId = NewType("MergeId", str)
"""A merge request: bead id, a dot, attempt number."""
Oid = NewType("Oid", str)
"""A git object id in lower-case hex, 40 digits (SHA-1) or 64 (SHA-256)."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    """Spells a non-negative number in base 36."""
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
        if number == 0:
            return digits


def short_id(seed: str, *, length: int = 5) -> str:
    """Spells `length` base36 digits that depend on nothing but the seed."""
    number = int.from_bytes(sha256(seed.encode("utf-8", "surrogateescape")).digest()[:16], "big")
    return base36(number % 36**length).rjust(length, "0")


def bead_id(prefix: str, seed: str) -> BeadId:
    """Names a bead: the same prefix and seed give the same name."""
    return BeadId(f"{prefix}-{short_id(seed)}")


def convoy_id(seed: str) -> ConvoyId:
    """Names a convoy: the same seed gives the same name."""
    return ConvoyId(f"cv-{short_id(seed)}")


def merge_id(bead: BeadId, attempt: int) -> MergeId:
    """Names the attempt-th merge request of a bead (from 1)."""
    return MergeId(f"{bead}.{attempt}")


def resolve_bead_id(parent: BeadId, number: int) -> BeadId:
    """Names the number-th bead (from 1) that resolves a conflict of another."""
    return BeadId(f"{parent}.r{number}")


_RESOLVER = re.compile(r"(.+)\.r\d+")


def resolved_bead(bead: BeadId) -> BeadId:
    """The bead whose conflict a resolve bead is about, by its name; any other bead itself."""
    found = _RESOLVER.fullmatch(bead)
    return BeadId(found[1]) if found else bead


POLECAT_NAMES: tuple[str, ...] = (
    "Nux", "Slit", "Toast", "Capable", "Dag", "Cheedo", "Angharad", "Valkyrie", "Morsov", "Ace",
    "Rictus", "Corpus", "Furiosa", "Max", "Keeper", "Coma", "Glory", "Gale", "Maadi", "Wrench",
    "Spark", "Piston", "Gasket", "Rivet", "Axle", "Diesel", "Cinder", "Rust", "Chrome", "Torque",
    "Crank", "Sprocket", "Bolt", "Flint", "Ember", "Dusty", "Raven", "Sable", "Onyx", "Copper",
    "Brass", "Cobalt", "Slate", "Jasper", "Amber", "Garnet", "Quill", "Thorn", "Briar", "Sage",
)  # fmt: skip
"""The pool of themed names; after it come `Polecat-51` and so on."""


BY_HAND = PolecatName("you")
"""Stands for a worker's name where the user did the work."""
MAYOR = PolecatName("Mayor")
"""Under which name the Mayor's text streams; no worker is called so."""


def polecat_name(index: int) -> PolecatName:
    """Names the index-th worker (from 0)."""
    if index < len(POLECAT_NAMES):
        return PolecatName(POLECAT_NAMES[index])
    return PolecatName(f"Polecat-{index + 1}")
