"""The place of the one sheet that lies over the page; a new one takes the place of the last."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QAbstractButton, QWidget

from gastown_desktop.ui.widgets.sheets import Sheet


class _Holder(Sheet):
    """A sheet round any widget."""

    def __init__(
        self,
        host: QWidget,
        widget: QWidget,
        name: str,
        *,
        width: int,
        primary: QAbstractButton | None,
        fills: bool,
    ) -> None:
        super().__init__(host, width=width, name=name)
        self._host = host
        self._fills = fills
        self.primary = primary
        self.body.addWidget(widget)

    def height_for(self, width: int) -> int:
        return self._host.height() - 48 if self._fills else super().height_for(width)


class SheetPlace(QObject):
    """Over a host, at most one sheet at a time."""

    changed = Signal()
    """A sheet came or went."""

    def __init__(self, host: QWidget) -> None:
        """Is empty.

        Args:
            host: the pages.
        """
        super().__init__(host)
        self._host = host
        self._sheet: Sheet | None = None

    @property
    def shown(self) -> bool:
        """Whether there is one."""
        return self._sheet is not None and self._sheet.isVisible()

    @property
    def sheet(self) -> Sheet | None:
        """The one that is there."""
        return self._sheet

    def show(self, sheet: Sheet) -> None:
        """Shows a sheet, in place of the last."""
        self.clear()
        self._sheet = sheet
        sheet.closed.connect(lambda: self._gone(sheet))
        sheet.open()
        self.changed.emit()

    def show_widget(
        self,
        widget: QWidget,
        name: str,
        *,
        width: int,
        primary: QAbstractButton | None = None,
        fills: bool = False,
    ) -> None:
        """Shows a widget as a sheet.

        Args:
            widget: the content.
            name: what a screen reader calls it.
            width: in pixels.
            primary: what Enter presses.
            fills: it is as high as the page allows.
        """
        self.show(_Holder(self._host, widget, name, width=width, primary=primary, fills=fills))

    def clear(self) -> None:
        """Closes the sheet that is there."""
        if self._sheet is not None:
            self._sheet.close_sheet()

    def _gone(self, sheet: Sheet) -> None:
        if self._sheet is sheet:
            self._sheet = None
        sheet.deleteLater()
        self.changed.emit()
