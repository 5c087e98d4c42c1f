"""What all tests share: patience with a busy machine, and the one loop of the GUI thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
settings.register_profile("town", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("town")


@pytest.fixture(scope="session")
def screen_loop(qapp: QApplication) -> Iterator[asyncio.AbstractEventLoop]:
    """The loop of the GUI thread; Qt's own turns drive it. One for all tests: Qt has one thread for it."""
    import qasync  # only where a test wants Qt

    loop = qasync.QEventLoop(qapp)
    yield loop
    loop.close()
