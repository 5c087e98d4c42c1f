"""One mutant, and how it is tried: in a copy of the tree, with the tests that should notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_COPIED = ("gastown_desktop", "resources", "tests", "pyproject.toml")
_PATIENCE_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A change that breaks a promise."""

    name: str
    file: str
    old: str
    """Text that stands in the file exactly once."""
    new: str
    tests: tuple[str, ...]
    """Those that have to fail."""


def copy_tree(into: Path) -> None:
    """Copies what tests need."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, into / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, into / name)


def survives(mutant: Mutant, tree: Path) -> str:
    """Why a mutant was not caught; empty when it was.

    Args:
        mutant: what is changed.
        tree: a copy of the tree, as it was before and after.
    """
    file = tree / mutant.file
    text = file.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        return f"its text stands {text.count(mutant.old)} times in {mutant.file}"
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", *mutant.tests]
        ended = subprocess.run(
            command,
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), "QT_QPA_PLATFORM": "offscreen"},
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    finally:
        file.write_text(text, encoding="utf-8")
    if ended.returncode == 1:
        return ""
    return "no test failed" if ended.returncode == 0 else f"pytest ended with {ended.returncode}"
