"""The bridge needs no widgets: what it offers serves any kind of screen."""

from __future__ import annotations

import re
from pathlib import Path

import gastown_desktop.bridge


def test_the_bridge_imports_no_widgets() -> None:
    folder = Path(gastown_desktop.bridge.__file__).parent
    for file in folder.rglob("*.py"):
        assert not re.search(r"QtWidgets", file.read_text(encoding="utf-8")), file
