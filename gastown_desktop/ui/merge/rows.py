"""How rows of the merge page are painted: pieces of each value, column by column."""

from __future__ import annotations

from collections.abc import Sequence

from gastown_desktop.bridge.models.queue import (
    GATE_COLUMNS,
    MERGED_COLUMNS,
    QUEUE_COLUMNS,
    ROUND_COLUMNS,
    MergedBead,
)
from gastown_desktop.core.gate_rounds import Round
from gastown_desktop.core.queue_order import QueueEntry
from gastown_desktop.core.views import GateView
from gastown_desktop.ui.theme.glyphs import glyph_of, state_token
from gastown_desktop.ui.widgets.pieces import Piece


def bead_pieces(bead: str, title: str) -> list[Piece]:
    """A bead's id and title, as every table shows it."""
    return [Piece(text=bead, role="id", color="text.tertiary"), Piece(text=title, gap=6)]


def look_mark(sensitive: Sequence[str]) -> list[Piece]:
    """The mark of what somebody has to look at before it lands; none where nothing is."""
    return [Piece(glyph="review", color="state.review", size=12, gap=6)] if sensitive else []


def queue_pieces(entry: QueueEntry, column: int) -> list[Piece]:
    """A row of the queue."""
    text = QUEUE_COLUMNS[column].text(entry)
    match column:
        case 0:
            return [Piece(text=text, weight=600), *look_mark(entry.sensitive)]
        case 1:
            return bead_pieces(entry.bead, entry.title)
        case 3:
            return [Piece(text=text, weight=600)]
        case 4:
            return [Piece(text=text.splitlines()[0] if text else "", role="caption", color="text.tertiary")]
        case 5:
            color = state_token("state", entry.state)
            return [
                Piece(glyph=glyph_of(entry.state), color=color, size=12),
                Piece(text=text, role="caption", weight=500, color=color, gap=5),
            ]
        case 6:
            return [Piece(text=text, color="text.secondary")]
        case _:
            return [Piece(text=text)]


def merged_pieces(bead: MergedBead, column: int) -> list[Piece]:
    """A row of what is merged."""
    text = MERGED_COLUMNS[column].text(bead)
    match column:
        case 0:
            return [
                Piece(glyph="landed", color="state.landed", size=12),
                Piece(text=text, role="caption", weight=500, color="state.landed", gap=5),
                *look_mark(bead.sensitive),
            ]
        case 1:
            return bead_pieces(bead.bead, bead.title)
        case 4:
            return [Piece(text=text, color="text.tertiary")]
        case _:
            return [Piece(text=text)]


def round_pieces(one: Round, column: int) -> list[Piece]:
    """A row of the rounds of the gates."""
    text = ROUND_COLUMNS[column].text(one)
    match column:
        case 0:
            return [Piece(text=text, weight=600)]
        case 2:
            role = "id" if one.beads else "small"
            return [Piece(text=text, role=role, color="text.secondary")]
        case 3:
            glyph, color = ("landed", "state.landed") if one.green else ("failed", "state.failed")
            return [Piece(glyph=glyph, color=color, size=12), Piece(text=text, gap=7)]
        case _:
            return [Piece(text=text, color="text.tertiary")]


def gate_pieces(gate: GateView, column: int) -> list[Piece]:
    """A row of the gates' quality."""
    text = GATE_COLUMNS[column].text(gate)
    if column == 0:
        return [Piece(text=text, weight=500)]
    if column == 1 and gate.sees is not None:
        glyph, color = ("landed", "state.landed") if gate.sees else ("ui_warning", "state.failed")
        return [Piece(glyph=glyph, color=color, size=12), Piece(text=text)]
    return [Piece(text=text, color="text.secondary")]
