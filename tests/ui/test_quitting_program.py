"""The whole program ends when it is asked to, whatever runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.ui.x_screen import ROOT


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_polite_kill_ends_the_program_in_order_while_a_convoy_runs(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-m", "tests.ui.quitting_program", str(tmp_path), name]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            _, said = process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail("it goes on")
    assert process.returncode == 0, said
    assert "Traceback" not in said
