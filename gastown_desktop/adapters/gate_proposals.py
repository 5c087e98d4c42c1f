"""Gates that a repository seems to have: proposed from its own files, never run by themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from gastown_desktop.core.toml_text import toml_in

FOLDERS = ("tests/", "test/")
"""Folders that count; one that is there is a key with its slash."""
VENV_PYTHON = ".venv/bin/python"
"""The interpreter of the checkout, where it has one; never a tracked file."""
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
"""In the order in which make looks for them."""
_PRE_COMMIT = ".pre-commit-config.yaml"
_LOCK_FILES = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn"}
FILES = frozenset(
    {"pyproject.toml", "package.json", *_LOCK_FILES, "Cargo.toml", "go.mod", *_MAKEFILES, _PRE_COMMIT}
)
"""Top-level files that are looked at."""
LARGEST_FILE = 1 << 20
"""Bytes; a larger file is none that a person wrote, and need not be read."""
_MAKE_TARGET = re.compile(rb"^([^\s#:=][^#:=\n]*)::?(?![:=])", re.MULTILINE)
_PLACEHOLDER = "no test specified"


@dataclass(frozen=True, slots=True)
class GateProposal:
    """A gate that would fit."""

    name: str
    command: str
    reason: str
    """Why, as half a sentence."""

    @property
    def toml(self) -> str:
        """What `.gastown.toml` has to say to make it permanent."""
        return f'[[gates]]\nname = "{self.name}"\ncommand = "{self.command}"\n'


def propose_gates(files: Mapping[str, bytes]) -> tuple[GateProposal, ...]:
    """Proposes gates; what cannot be read proposes nothing.

    Args:
        files: contents by path: those of `FILES` that are there, and keys for those of `FOLDERS` and for
            `VENV_PYTHON` that exist.
    """
    found = (proposer(files) for proposer in _PROPOSERS)
    return tuple(proposal for proposal in found if proposal is not None)


def _python(files: Mapping[str, bytes]) -> GateProposal | None:
    try:
        project = toml_in(files["pyproject.toml"].decode())
    except (KeyError, ValueError, RecursionError):
        return None
    tool: object = project.get("tool")
    folder = next((name for name in FOLDERS if name in files), None)
    if isinstance(tool, dict) and "pytest" in tool:
        reason = "pyproject.toml configures pytest"
    elif folder is not None:
        reason = f"pyproject.toml and a folder {folder}"
    else:
        return None
    python = VENV_PYTHON if VENV_PYTHON in files else "python3"
    return GateProposal("pytest", f"{python} -m pytest", reason)


def _node(files: Mapping[str, bytes]) -> GateProposal | None:
    try:
        package: Any = json.loads(files["package.json"])
    except (KeyError, ValueError, RecursionError):
        return None
    scripts: Any = cast("dict[str, Any]", package).get("scripts") if isinstance(package, dict) else None
    test: Any = cast("dict[str, Any]", scripts).get("test") if isinstance(scripts, dict) else None
    if not isinstance(test, str) or not test.strip() or _PLACEHOLDER in test:
        return None
    lock = next((name for name in _LOCK_FILES if name in files), None)
    manager = _LOCK_FILES[lock] if lock else "npm"
    reason = "package.json has a test script" + (f", and there is {lock}" if lock else "")
    return GateProposal(f"{manager} test", f"{manager} test", reason)


def _rust(files: Mapping[str, bytes]) -> GateProposal | None:
    if "Cargo.toml" not in files:
        return None
    return GateProposal("cargo test", "cargo test --offline", "there is Cargo.toml; gates have no network")


def _go(files: Mapping[str, bytes]) -> GateProposal | None:
    if "go.mod" not in files:
        return None
    return GateProposal("go test", "go test ./...", "there is go.mod")


def _make(files: Mapping[str, bytes]) -> GateProposal | None:
    makefile = next((name for name in _MAKEFILES if name in files), None)
    if makefile is None:
        return None
    targets = {target for line in _MAKE_TARGET.findall(files[makefile]) for target in line.split()}
    for target in ("test", "check"):
        if target.encode() in targets:
            return GateProposal(f"make {target}", f"make {target}", f"{makefile} has the target {target}")
    return None


def _pre_commit(files: Mapping[str, bytes]) -> GateProposal | None:
    if _PRE_COMMIT not in files:
        return None
    reason = f"there is {_PRE_COMMIT}; its hooks must be installed, gates have no network"
    return GateProposal("pre-commit", "pre-commit run --all-files", reason)


_PROPOSERS: tuple[Callable[[Mapping[str, bytes]], GateProposal | None], ...] = (
    _python,
    _node,
    _rust,
    _go,
    _make,
    _pre_commit,
)
