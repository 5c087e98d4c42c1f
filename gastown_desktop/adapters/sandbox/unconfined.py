"""No sandbox: commands run with the user's rights, under the same limits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gastown_desktop.adapters.sandbox.door import Door
from gastown_desktop.adapters.sandbox.entry import GIT_CONFIG, SYSTEM_PATH, Entry
from gastown_desktop.adapters.sandbox.process_tree import MARK
from gastown_desktop.adapters.sandbox.runner import Runner
from gastown_desktop.adapters.sandbox.toolchains import find_toolchains
from gastown_desktop.adapters.sandbox.watchdog import Limits
from gastown_desktop.engine.process_ports import Confinement, Launcher


class Unconfined(Runner):
    """Runs with the user's rights (the `Sandbox` port): only variables, folder and limits are set.

    The user's installed environment is put first in PATH, and the slot in PYTHONPATH, so that an editable
    install tests the slot and not the user's files.

    Args:
        launcher: starts children.
        scratch: a folder for command files, HOME and temporary files.
        limits: when to kill.
        environment: the caller's variables; None takes this process's.
        reason: why there is no sandbox, a sentence for the user.
    """

    confined = False
    profile = "none"

    def __init__(
        self,
        launcher: Launcher,
        scratch: Path,
        *,
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
        home: Path | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(launcher, scratch, limits, environment)
        self.reason = reason
        self.toolchains = find_toolchains(home or Path.home(), self._caller)

    def enter(
        self, confinement: Confinement, mark: str, files: Path | None, door: Door | None = None
    ) -> Entry:
        """Makes HOME and the folder for temporary files; there is no door where nothing is closed."""
        assert door is None
        home, temporary = self._own(confinement)
        for folder in (home, temporary):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (home / ".gitconfig").exists():
            (home / ".gitconfig").write_text(GIT_CONFIG, encoding="utf-8")
        return Entry(
            prefix=(),
            environment={
                "PATH": self._path(confinement),
                "HOME": str(home),
                "TMPDIR": str(temporary),
                **self._base_environment(),
                **self.toolchains.environment,
                **self._python_path(confinement),
                **confinement.environment,
                MARK: mark,
            },
            folder=confinement.slot,
            files="" if files is None else str(files),
        )

    def written(self, confinement: Confinement) -> tuple[Path, ...]:
        """The slot, HOME and TMPDIR; what commands write elsewhere cannot be told from others' files."""
        return (confinement.slot, *self._own(confinement))

    def _own(self, confinement: Confinement) -> tuple[Path, Path]:
        """HOME and TMPDIR of a slot."""
        home, temporary = (self._scratch / part / confinement.slot.name for part in ("home", "tmp"))
        return home, temporary

    def _path(self, confinement: Confinement) -> str:
        programs = [real / name for real, _ in confinement.read_only for name in ("bin", ".bin")]
        entries = [str(folder) for folder in programs if folder.is_dir()]
        entries += filter(os.path.isabs, self._caller.get("PATH", "").split(os.pathsep))
        return os.pathsep.join(dict.fromkeys((*entries, *SYSTEM_PATH)))

    def _python_path(self, confinement: Confinement) -> dict[str, str]:
        if not any((real / "pyvenv.cfg").is_file() for real, _ in confinement.read_only):
            return {}
        sources = [confinement.slot, confinement.slot / "src"]
        return {"PYTHONPATH": os.pathsep.join(str(folder) for folder in sources if folder.is_dir())}
