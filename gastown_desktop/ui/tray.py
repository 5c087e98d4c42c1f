"""The tray icon: what needs the user in its tooltip, the window at a click, quitting."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from gastown_desktop.core.wording import plural
from gastown_desktop.ui.theme.glyphs import app_icon


class Tray(QObject):
    """An icon where the desktop has a tray; nothing where it has none.

    Notifications say kinds and numbers, never code or what was asked.
    """

    window_wanted = Signal()
    quit_wanted = Signal()

    def __init__(self, window: QWidget) -> None:
        """Shows the icon."""
        super().__init__(window)
        self._needs = 0
        self._icon: QSystemTrayIcon | None = None
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        icon = QSystemTrayIcon(app_icon(), self)
        menu = QMenu(window)
        menu.addAction("Show the window", self.window_wanted.emit)
        menu.addAction("Quit", self.quit_wanted.emit)
        icon.setContextMenu(menu)
        icon.activated.connect(lambda *_: self.window_wanted.emit())
        icon.setToolTip("Gas Town")
        icon.show()
        self._icon = icon

    @property
    def there(self) -> bool:
        """Whether there is a tray."""
        return self._icon is not None

    def tell(self, needs: int, *, hidden: bool) -> None:
        """Says how many items wait; a new one is a notification while the window is hidden."""
        if self._icon is None or needs == self._needs:
            return
        more, self._needs = needs > self._needs, needs
        words = (
            f"{plural(needs, 'item')} need{'s' if needs == 1 else ''} you" if needs else "Nothing needs you"
        )
        self._icon.setToolTip(f"Gas Town: {words}")
        if more and hidden:
            self._icon.showMessage("Gas Town", words, app_icon())

    def notify(self, words: str) -> None:
        """Shows a notification; without a tray nothing."""
        if self._icon is not None:
            self._icon.showMessage("Gas Town", words, app_icon())

    def hide(self) -> None:
        """Takes the icon away."""
        if self._icon is not None:
            self._icon.hide()
