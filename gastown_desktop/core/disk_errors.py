"""What a full or a broken disk answers: it stops the fleet, and never counts as one bead's own trouble."""

from __future__ import annotations

import errno
from typing import Final

from gastown_desktop.core.errors import DiskBroken, DiskFull, StoreError
from gastown_desktop.core.plain_text import shown_path

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
BROKEN: Final = frozenset({errno.EIO, errno.EROFS})
MAKE_SPACE: Final = "Make space on the disk, then resume."
SEE_TO_IT: Final = "See to the disk, then resume."


def unwritten(error: OSError, what: str, *, safe: str) -> StoreError:
    """The error for something durable that the system did not write.

    Args:
        error: what the system said.
        what: what cannot be written, as "The history".
        safe: what is safe, one plain sentence.

    Returns:
        `DiskFull` or `DiskBroken` where the disk is; else a `StoreError`.
    """
    kind = DiskFull if error.errno in FULL else DiskBroken if error.errno in BROKEN else StoreError
    remedy = SEE_TO_IT if kind is DiskBroken else MAKE_SPACE
    return kind(f"{what} cannot be written ({error.strerror or error}).", safe=safe, remedy=remedy)


def disk_trouble(error: BaseException) -> StoreError | None:
    """The error of a full or broken disk behind what the system refused; None where it is something else."""
    if not isinstance(error, OSError) or error.errno not in FULL | BROKEN:
        return None
    what = shown_path(error.filename) if isinstance(error.filename, str) else "A file"
    return unwritten(error, what, safe="Finished turns and merged work are kept.")
