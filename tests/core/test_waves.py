from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_desktop.core.bead import Dependency
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.waves import COLUMN, NODE_H, NODE_W, ROW, Layout, dag_of, lay_out, overlaps_of
from tests.bridge.town import CONVOY, WHERE, A, B, C, shown, waits


def dag(beads: str, *waits: str) -> Dag:
    """`ba` says that b waits for a."""
    return Dag(
        [BeadId(one) for one in beads],
        [Dependency(bead=BeadId(one[0]), on=BeadId(one[1])) for one in waits],
    )


def drawn(layout: Layout) -> str:
    """Each row of the grid as text, half a column a character."""
    rows = [""] * (1 + max((node.row for node in layout.nodes), default=-1))
    for node in layout.nodes:
        place = round((node.x - 32) / (COLUMN / 2))
        rows[node.row] = rows[node.row].ljust(place) + node.bead
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("plan", "picture"),
    [
        (dag("abcd"), "a b c d"),
        (dag("ab", "ba"), "   a\n   b"),
        (dag("abc", "ca", "cb"), "a b\n   c"),
        (dag("abcdefg"), "a b c d\n e f g"),
        (dag("abcdefghi", "ia"), "a b c d\n e f g h\n   i"),
        (dag(""), ""),
    ],
)
def test_waves_on_the_grid(plan: Dag, picture: str) -> None:
    assert drawn(lay_out(plan)) == picture


def test_a_bracket_spans_all_rows_of_its_wave() -> None:
    first, second = lay_out(dag("abcdefg", "ga")).waves
    assert (first.number, second.number) == (1, 2)
    assert first.bottom - first.top == ROW + NODE_H
    assert second.bottom - second.top == NODE_H


def test_the_critical_path_is_marked_along_its_edges() -> None:
    layout = lay_out(dag("abcd", "ba", "cb", "da"))
    assert layout.critical == ("a", "b", "c")
    assert [(edge.on, edge.bead) for edge in layout.edges if edge.critical] == [("a", "b"), ("b", "c")]


@given(st.integers(2, 14), st.data())
def test_no_edge_runs_behind_a_node(count: int, data: st.DataObject) -> None:
    beads = [BeadId(chr(97 + number)) for number in range(count)]
    pairs = data.draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=20))
    plan = Dag(beads, [Dependency(bead=beads[max(p)], on=beads[min(p)]) for p in pairs if p[0] != p[1]])
    layout = lay_out(plan)
    for edge in layout.edges:
        upright = zip(edge.points, edge.points[1:], strict=False)
        for (x, top), (_, bottom) in upright:
            crossed = [
                node for node in layout.nodes if node.x < x < node.x + NODE_W and top <= node.y < bottom
            ]
            assert not [node for node in crossed if node.bead != edge.bead and bottom - top == NODE_H]


def test_beads_that_expect_the_same_file_and_are_not_ordered_overlap() -> None:
    from gastown_desktop.core import events as ev

    created = ev.ConvoyCreated(**WHERE, title="T", base=WHERE["rig"], target="t")
    files = {A: ("x.py", "a.py"), B: ("x.py",), C: ("x.py", "a.py")}
    added = [ev.BeadAdded(**WHERE, bead=bead, title="t", files=paths) for bead, paths in files.items()]
    state = shown(created, *added, waits(B, A)).convoys[CONVOY]
    found = [(one.one, one.other, one.files) for one in overlaps_of(state, dag_of(state))]
    assert sorted(found) == [(A, C, ("x.py", "a.py")), (B, C, ("x.py",))]
