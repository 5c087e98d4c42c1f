"""A convoy as waves on a grid: where each bead stands, how its dependencies run, what may collide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gastown_desktop.core.bead import Dependency
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.overlaps import Overlap as Overlap
from gastown_desktop.core.overlaps import overlaps_in
from gastown_desktop.core.projection import Projection

NODE_W, NODE_H = 150, 80
COLUMN, ROW = 162, 107
MOST_COLUMNS = 4
"""A wave wider than this wraps; each further row is shifted by half a column."""
LEFT, TOP = 32, 12

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Where a bead stands: its wave from 1, its row from 0, its top left corner in pixels."""

    bead: BeadId
    wave: int
    row: int
    x: float
    y: float

    @property
    def middle(self) -> float:
        """The middle of its top and bottom edge."""
        return self.x + NODE_W / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """The rows of one wave: number from 1, top and bottom in pixels."""

    number: int
    top: float
    bottom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A dependency from the bottom of `on` to the top of `bead`, by way of gaps between nodes."""

    on: BeadId
    bead: BeadId
    points: tuple[Point, ...]
    critical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The whole plan on its grid."""

    nodes: tuple[Node, ...]
    waves: tuple[Wave, ...]
    edges: tuple[Edge, ...]
    critical: tuple[BeadId, ...]
    """A longest chain of beads that wait for each other."""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height that the nodes take, margins included."""
        right = max((node.x + NODE_W for node in self.nodes), default=0.0)
        bottom = max((node.y + NODE_H for node in self.nodes), default=0.0)
        return right + LEFT / 4, bottom + TOP


def dag_of(state: Projection) -> Dag:
    """The beads that are to be merged, with what they wait for."""
    beads = state.works()
    known = set(beads)
    return Dag(beads, [one for one in state.dependencies if one.bead in known and one.on in known])


def lay_out(dag: Dag, columns: int = MOST_COLUMNS) -> Layout:
    """Puts waves under each other.

    Args:
        dag: the plan.
        columns: widest row.
    """
    nodes: list[Node] = []
    waves: list[Wave] = []
    row = 0
    for number, wave in enumerate(dag.waves(), 1):
        first = row
        for start in range(0, len(wave), columns):
            part = wave[start : start + columns]
            left = LEFT + _indent(len(part), columns, wraps=start > 0)
            nodes += [
                Node(bead=bead, wave=number, row=row, x=left + place * COLUMN, y=TOP + row * ROW)
                for place, bead in enumerate(part)
            ]
            row += 1
        waves.append(Wave(number=number, top=TOP + first * ROW, bottom=TOP + (row - 1) * ROW + NODE_H))
    critical = tuple(dag.critical_path())
    return Layout(
        nodes=tuple(nodes), waves=tuple(waves), edges=_edges(dag, nodes, critical), critical=critical
    )


def overlaps_of(state: Projection, dag: Dag) -> list[Overlap]:
    """Pairs that expect the same file and that nothing orders, so that they may collide."""
    return overlaps_in(dag, {bead: state.beads[bead].bead.files for bead in dag.beads})


def _indent(count: int, columns: int, *, wraps: bool) -> float:
    """A bead alone stands in the middle; a row that wrapped is shifted by half a column."""
    if count == 1 and not wraps:
        return (columns - 1) * COLUMN / 2
    return COLUMN / 2 if wraps else 0.0


def _edges(dag: Dag, nodes: Sequence[Node], critical: Sequence[BeadId]) -> tuple[Edge, ...]:
    places = {node.bead: node for node in nodes}
    rows: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        rows[node.row].append(node)
    steps = set(pairwise(critical))
    return tuple(
        Edge(
            on=on,
            bead=bead,
            points=_route(places[on], places[bead], rows),
            critical=(on, bead) in steps,
        )
        for bead in dag.beads
        for on in dag.dependencies(bead)
    )


def _route(start: Node, end: Node, rows: Mapping[int, Sequence[Node]]) -> tuple[Point, ...]:
    """Straight through each row between the two, in the gap nearest to the end."""
    points: list[Point] = [(start.middle, start.y + NODE_H)]
    for row in range(start.row + 1, end.row):
        x = min(_gaps(rows[row]), key=lambda gap: abs(gap - end.middle) + 0.3 * abs(gap - points[-1][0]))
        top = rows[row][0].y
        points += [(x, top), (x, top + NODE_H)]
    return (*points, (end.middle, end.y))


def _gaps(row: Sequence[Node]) -> list[float]:
    """Middles of the gaps of a row: before, between and behind its nodes."""
    half = (COLUMN - NODE_W) / 2
    return [row[0].x - half, *(node.x + NODE_W + half for node in row)]


def waits_for(state: Projection, bead: BeadId) -> list[Dependency]:
    """What a bead waits for, or is told about, as it was planned."""
    return [one for one in state.dependencies if one.bead == bead]


def holds_up(state: Projection, bead: BeadId) -> list[Dependency]:
    """What waits for a bead, or is told about it."""
    return [one for one in state.dependencies if one.on == bead]
