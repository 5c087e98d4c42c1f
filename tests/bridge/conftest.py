"""The bridge's tests run on Qt's turns as the window's do, without a theme."""

from __future__ import annotations

from tests.ui.conftest import nothing_left, quiet_qt, screen_tasks

__all__ = ["nothing_left", "quiet_qt", "screen_tasks"]
