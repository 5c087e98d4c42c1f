"""Shows where the tour's pictures differ from models of the same names; `python -m tests.tour.compare`.

The share of blocks of 8 × 8 pixels that differ says how far a page is from its model, the overlay where.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter

BLOCK = 8
"""Side of a block in pixels."""
LOUD = 24
"""How far the grey of a block's pixels differs on average, 0 to 255, before the block counts as different."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two pictures differ."""

    name: str
    blocks: int
    loud: tuple[tuple[int, int], ...]
    """Blocks that differ, as (column, row)."""

    @property
    def share(self) -> float:
        """Blocks that differ, 0 to 1."""
        return len(self.loud) / self.blocks


def main() -> None:
    """Compares all pictures that both folders have."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ours", type=Path, help="folder of the tour's pictures")
    parser.add_argument("--with", dest="theirs", type=Path, required=True, help="folder of the models")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures of the differences")
    given = parser.parse_args()
    app = QGuiApplication.instance() or QGuiApplication(["compare", "-platform", "offscreen"])
    given.out.mkdir(parents=True, exist_ok=True)
    for ours, theirs in pairs(given.ours, given.theirs):
        difference = compare(ours, theirs, given.out)
        print(f"{difference.name:24} {difference.share:6.1%}  {_where(difference)}")
    del app


def pairs(ours: Path, theirs: Path) -> Iterator[tuple[Path, Path]]:
    """Pictures that belong together: of the same number, and of the same theme where the model names one."""
    for model in sorted(theirs.glob("[0-9][0-9]-*.png")):
        number = model.name[:2]
        theme = next((word for word in ("light", "dark") if model.stem.endswith(word)), "")
        found = sorted(path for path in ours.glob(f"{number}-*.png") if theme in path.stem)
        if found:
            yield found[0], model


def compare(ours: Path, theirs: Path, out: Path) -> Difference:
    """Compares two pictures; writes both side by side, and ours with the differences marked."""
    mine, model = _read(ours), _read(theirs)
    model = model.copy(QRect(0, 0, mine.width(), mine.height()))
    loud = tuple(_loud_blocks(mine, model))
    columns, rows = mine.width() // BLOCK, mine.height() // BLOCK
    _side_by_side(mine, model).save(str(out / f"{theirs.stem}-beside.png"))
    _overlay(mine, loud).save(str(out / f"{theirs.stem}-overlay.png"))
    return Difference(theirs.stem, columns * rows, loud)


def _read(path: Path) -> QImage:
    return QImage(str(path)).convertToFormat(QImage.Format.Format_RGB32)


def _loud_blocks(one: QImage, other: QImage) -> Iterator[tuple[int, int]]:
    """Blocks whose pixels differ; a shift of one pixel is forgiven by taking the best of nine places."""
    greys = [image.convertToFormat(QImage.Format.Format_Grayscale8) for image in (one, other)]
    width, height = one.width(), one.height()
    mine, theirs = ([bytes(grey.constScanLine(y))[:width] for y in range(height)] for grey in greys)
    for row in range(height // BLOCK):
        for column in range(width // BLOCK):
            x, y = column * BLOCK, row * BLOCK
            block = [line[x : x + BLOCK] for line in mine[y : y + BLOCK]]
            if block == [line[x : x + BLOCK] for line in theirs[y : y + BLOCK]]:
                continue
            if min(_distances(block, theirs, x, y)) > LOUD:
                yield column, row


def _distances(block: list[bytes], lines: list[bytes], x: int, y: int) -> Iterator[float]:
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if x + right < 0 or not 0 <= y + down <= len(lines) - BLOCK:
                continue
            pairs = (
                abs(a - b)
                for line, mine in zip(lines[y + down : y + down + BLOCK], block, strict=True)
                for a, b in zip(mine, line[x + right : x + right + BLOCK], strict=False)
            )
            yield sum(pairs) / BLOCK**2


def _side_by_side(one: QImage, other: QImage) -> QImage:
    both = QImage(one.width() + other.width() + 8, max(one.height(), other.height()), one.format())
    both.fill(QColor("magenta"))
    painter = QPainter(both)
    painter.drawImage(0, 0, one)
    painter.drawImage(one.width() + 8, 0, other)
    painter.end()
    return both


def _overlay(image: QImage, loud: tuple[tuple[int, int], ...]) -> QImage:
    marked = image.copy()
    painter = QPainter(marked)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(255, 0, 128, 110))
    for column, row in loud:
        painter.drawRect(column * BLOCK, row * BLOCK, BLOCK, BLOCK)
    painter.end()
    return marked


def _where(difference: Difference) -> str:
    """The share of the top bar, the rail and the rest, to see at once whose it is."""
    frame = sum(row * BLOCK < 44 for _, row in difference.loud)
    rail = sum(row * BLOCK >= 44 and column * BLOCK < 56 for column, row in difference.loud)
    return f"{frame} in the top bar, {rail} in the rail, {len(difference.loud) - frame - rail} elsewhere"


if __name__ == "__main__":
    main()
