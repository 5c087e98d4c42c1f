"""Whatever went wrong, as an error of ours that says what happened, what is safe and what to do."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from gastown_desktop.core.disk_errors import BROKEN, FULL, SEE_TO_IT
from gastown_desktop.core.errors import DiskBroken, DiskFull, GasTownError, Refused, StoreError

_log = logging.getLogger(__name__)


def trouble_of(error: BaseException) -> GasTownError | None:
    """The first error of ours in an error or a group of them; None when it is a defect of the program."""
    return next(_ours(error), None)


def _ours(error: BaseException) -> Iterator[GasTownError]:
    if isinstance(error, GasTownError):
        yield error
    elif isinstance(error, OSError) and error.errno is not None:
        _log.error("the system refused", exc_info=error)
        yield _of_the_system(error)
    elif isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _ours(inner)


def _of_the_system(error: OSError) -> GasTownError:
    """What the system refused, in a sentence: a full disk, a folder that may not be written."""
    place = f" at {error.filename}" if error.filename else ""
    if error.errno in FULL:
        return DiskFull(f"The disk is full{place}.", remedy="Make space, then run it again.")
    if error.errno in BROKEN:
        return DiskBroken(f"The disk does not read or write{place} ({error.strerror}).", remedy=SEE_TO_IT)
    if error.filename:
        return Refused(f"{error.filename}: {error.strerror}.", remedy="See to it, then run it again.")
    return StoreError(f"The system refused: {error.strerror}.")
