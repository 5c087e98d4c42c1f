"""How rows of the history page are painted: pieces of each value, column by column."""

from __future__ import annotations

from gastown_desktop.bridge.models.timeline import COLUMNS, CONVOY_COLUMNS, ConvoyRow, TimelineRow
from gastown_desktop.core.card import STATES
from gastown_desktop.ui.theme.glyphs import glyph_of, state_token
from gastown_desktop.ui.widgets.pieces import Piece


def glyph_color(glyph: str) -> str:
    """The colour of a line's glyph: its state's, or that of secondary text for an icon."""
    return state_token("state", glyph) if glyph in STATES else "text.secondary"


def timeline_pieces(row: TimelineRow, column: int) -> list[Piece]:
    """A row of the timeline."""
    text = COLUMNS[column].text(row)
    match column:
        case 0:
            return [Piece(text=text, color="text.tertiary")]
        case 1:
            glyph = glyph_of(row.told.glyph)
            pieces = [
                Piece(glyph=glyph, color=glyph_color(row.told.glyph), size=12),
                Piece(text=row.told.what, role="body", weight=500, gap=8),
            ]
            if row.told.detail:
                pieces.append(Piece(text=row.told.detail, color="text.secondary", gap=8))
            return pieces
        case 2:
            return [Piece(text=text, role="id", color="text.tertiary")]
        case _:
            return [Piece(text=text, weight=500)]


def convoy_pieces(row: ConvoyRow, column: int) -> list[Piece]:
    """A row of the convoys."""
    text = CONVOY_COLUMNS[column].text(row)
    if column == 0:
        return [Piece(text=text, role="body", weight=500)]
    if column == 1 and row.report:
        return [Piece(text=text), Piece(text="report ready", color="text.tertiary", gap=8)]
    return [Piece(text=text, color="text.tertiary" if column > 3 else "text.primary")]
