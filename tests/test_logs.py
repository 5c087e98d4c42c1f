from __future__ import annotations

import json
import logging
from pathlib import Path

from gastown_desktop.logs import start_logging


def test_keys_never_reach_the_log_file(tmp_path: Path) -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    start_logging(tmp_path)
    try:
        logging.getLogger("x").error("the key sk-ant-abcdefgh12345678 was refused")
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = before
        root.setLevel(level)
    line = json.loads((tmp_path / "gastown.log").read_text())
    assert "sk-ant" not in line["event"]
    assert "‹redacted›" in line["event"]
