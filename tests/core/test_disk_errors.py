from __future__ import annotations

import errno

import pytest

from gastown_desktop.core.disk_errors import MAKE_SPACE, SEE_TO_IT, disk_trouble, unwritten
from gastown_desktop.core.errors import DiskBroken, DiskFull, StoreError


@pytest.mark.parametrize(
    ("code", "kind", "remedy"),
    [
        (errno.ENOSPC, DiskFull, MAKE_SPACE),
        (errno.EDQUOT, DiskFull, MAKE_SPACE),
        (errno.EIO, DiskBroken, SEE_TO_IT),
        (errno.EROFS, DiskBroken, SEE_TO_IT),
        (errno.EFBIG, StoreError, MAKE_SPACE),
    ],
)
def test_what_the_system_did_not_write_says_what_to_do(
    code: int, kind: type[StoreError], remedy: str
) -> None:
    error = unwritten(OSError(code, "it said this"), "The history", safe="All is safe.")
    assert type(error) is kind
    assert error.whole == f"The history cannot be written (it said this). All is safe. {remedy}"


def test_a_failing_disk_is_told_from_what_else_the_system_refuses() -> None:
    broken = disk_trouble(OSError(errno.EIO, "Input/output error", "/town/hooks"))
    assert isinstance(broken, DiskBroken)
    assert str(broken) == "/town/hooks cannot be written (Input/output error)."
    assert isinstance(disk_trouble(OSError(errno.ENOSPC, "No space left on device")), DiskFull)
    assert disk_trouble(OSError(errno.ENOENT, "No such file or directory")) is None
    assert disk_trouble(ValueError("no")) is None
