"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_whole(file: Path, content: bytes, *, durable: bool = False) -> None:
    """Puts a file in place of an older one; a kill, a full disk or a power cut leaves one of the two.

    Only one process may write it at a time.

    Args:
        file: where to.
        content: all of it.
        durable: wait until the disk has it; otherwise a power cut may leave it empty.

    Raises:
        OSError: it cannot be written; an older one is as it was.
    """
    new = file.with_name(f"{file.name}.new")
    try:
        with new.open("wb") as written:
            written.write(content)
            if durable:
                written.flush()
                os.fsync(written.fileno())
        new.replace(file)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise
