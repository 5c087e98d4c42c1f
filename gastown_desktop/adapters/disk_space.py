"""How much of a disk is free, as the system says."""

from __future__ import annotations

import shutil
from pathlib import Path

from gastown_desktop.core.disk import PLENTY, Disk


def disk_of(folder: Path) -> Disk:
    """The disk that a folder is on; one that cannot be looked at has plenty."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return PLENTY
    return Disk(free=usage.free, total=usage.total)
