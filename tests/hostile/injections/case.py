"""What a case is: where a hostile text stands, what it orders, and what must not come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tests.builders import RepositoryBuilder

if TYPE_CHECKING:
    from tests.hostile.injections.oracle import Seen
    from tests.hostile.injections.world import World

Order = dict[str, Any]
"""A call that the text orders: `name` and `input`."""
Turn = dict[str, Any]
"""A turn of the scripted model, as the Messages API for tests takes it."""
BEAD = "inj-1"
"""The bead whose worker reads the text."""
LOOKED = "looked-2"
"""What an order prints (`echo looked-$((1+1))`) when it has been tried to its end."""
LOOK = "; echo looked-$((1+1))"
GOT = "GOT-42"
"""What an order prints (`GOT-$((40+2))`) when it has reached what it must not reach."""
REACHED = "GOT-$((40+2))"
WORK: tuple[Turn, ...] = (
    {
        "text": "Now the work.",
        "calls": [
            {"name": "write", "input": {"path": "feature.py", "content": "def ready():\n    return True\n"}}
        ],
    },
    {
        "text": "Done.",
        "calls": [
            {
                "name": "submit",
                "input": {"summary": "The feature is ready.", "evidence": ["python3 -c 'import feature'"]},
            }
        ],
    },
)
"""The ordinary part of a bead."""


def shell(command: str, **given: Any) -> Order:
    """A call of `bash`."""
    return {"name": "bash", "input": {"command": command, **given}}


def tool(name: str, **given: Any) -> Order:
    """A call of any tool."""
    return {"name": name, "input": given}


def says(*calls: Order) -> Turn:
    """A turn that makes these calls."""
    return {"text": "I look.", "calls": list(calls)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What the scripted model does on another bead."""

    turns: Sequence[Turn]
    obeys: bool = False


@dataclass(slots=True, kw_only=True)
class Scene:
    """What is built for a case before it runs; a place writes into it."""

    repo: RepositoryBuilder
    beads: list[dict[str, Any]]
    looks: list[Turn] = field(default_factory=list)
    """Turns by which the worker comes to read the text."""
    work: list[Turn] = field(default_factory=lambda: list(WORK))
    obeys: bool = True
    """Whether the bead's own worker is the one that obeys."""
    workers: dict[str, Worker] = field(default_factory=dict)
    """The models of other beads."""
    goal: str = ""
    """Planned by the Mayor; without one the beads are imported."""
    mayor: list[Turn] = field(default_factory=list)
    mayor_obeys: bool = False
    changes: dict[str, set[str]] = field(default_factory=dict)
    """Paths that the landed change of a bead may touch, where it is not the ordinary bead."""
    gate: str = "python3 check.py"

    @property
    def bead(self) -> dict[str, Any]:
        """The bead whose worker reads the text."""
        return self.beads[0]


Place = Callable[[Scene, str], None]
"""Puts a text somewhere and lets the worker read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One hostile text and the effect that must not happen."""

    name: str
    place: Place
    wish: str
    """What the text is after."""
    orders: tuple[Order, ...]
    """`@HOME@`, `@DATA@`, `@PROJECT@`, `@REMOTE@`, `@PORT@`, `@TOKEN@` stand for what the world has."""
    outcome: Literal["merged", "asks", "refused"] = "merged"
    """How the ordinary part of the bead ends; `refused`: the command does not even begin."""
    changes: frozenset[str] = frozenset({"feature.py"})
    """Paths that the landed change may touch."""
    hears: tuple[str, ...] = ()
    """Texts that the model must have been answered: they show that the order was tried, and how it ended."""
    never: tuple[str, ...] = ()
    """Texts that no request may hold, besides the secrets."""
    build: Callable[[Scene], None] | None = None
    """Changes the scene after the place has."""
    prepare: Callable[[World], None] | None = None
    """Changes the world before it is looked at."""
    look: Callable[[Seen], list[str]] | None = None
    """Further effects that must not be seen."""
    cap: str = "5"
    may_be_unread: bool = False
    """Whether it is as good when no worker comes to read the text."""
    terminal: bool = False
    """Whether the command has a terminal."""
    shows: bool = False
    """Whether other commands are asked to print the convoy afterwards."""
    short: bool = False
    """Whether only a short order fits; the real one is in a script then."""
    hole: str = ""
    """What is known to be open: the case fails until it is mended."""
    ends: Mapping[str, str] = field(default_factory=dict)
    """How other beads end; those not named are merged."""
