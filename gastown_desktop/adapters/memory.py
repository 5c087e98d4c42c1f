"""Memory of this process that nobody uses, where the C library can be told about it (glibc: mallopt(3)).

After a peak the C library keeps what was freed in case it is needed again, in pieces between what stays, and
that for each thread apart. A fleet that runs for days would look as if it grew.
"""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_LARGE = 128 << 10
"""Bytes of what is taken from the system, and given back, by itself; glibc raises that as it goes."""
_ARENAS = 2
"""Heaps that threads share; glibc makes eight for each core."""


def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        library.malloc_trim.argtypes, library.malloc_trim.restype = [ctypes.c_size_t], ctypes.c_int
        library.mallopt.argtypes, library.mallopt.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    except (OSError, AttributeError, TypeError):  # another C library, or another system
        return None
    return library


_c = _library()


def keep_together() -> None:
    """Lets memory that is freed later be given back; to be called before there are threads."""
    if _c is not None:
        _c.mallopt(_M_ARENA_MAX, _ARENAS)
        _c.mallopt(_M_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """Gives free memory back; takes milliseconds."""
    if _c is not None:
        _c.malloc_trim(0)
