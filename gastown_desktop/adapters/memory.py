"""Memory of this process that nobody uses: given back to the system, where the C library can (glibc).

After a peak the C library keeps what was freed in case it is needed again, in pieces between what stays. A
fleet that runs for days would look as if it grew.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable


def _find_trim() -> Callable[[int], int] | None:
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # another C library, or another system
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return trim


_trim = _find_trim()


def give_back() -> None:
    """Gives free memory back; takes milliseconds."""
    if _trim is not None:
        _trim(0)
