"""The theme in force: tokens as colours, fonts, a palette and one style sheet."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from gastown_desktop.paths import resource
from gastown_desktop.ui.theme.tokens import Scheme, tokens

Wanted = Literal["light", "dark", "system"]

UI_FAMILY, MONO_FAMILY = "Inter", "JetBrains Mono"
_FONT_FILES = (
    "Inter-Regular.otf",
    "Inter-Medium.otf",
    "Inter-SemiBold.otf",
    "JetBrainsMono-Regular.ttf",
    "JetBrainsMono-Medium.ttf",
)
_PLACE = re.compile(r"\{([a-z_]+\.[a-z_0-9]+)\}")
_ROLES = {
    QPalette.ColorRole.Window: "surface.content",
    QPalette.ColorRole.WindowText: "text.primary",
    QPalette.ColorRole.Base: "surface.raised",
    QPalette.ColorRole.AlternateBase: "surface.content",
    QPalette.ColorRole.Text: "text.primary",
    QPalette.ColorRole.PlaceholderText: "text.tertiary",
    QPalette.ColorRole.Button: "surface.raised",
    QPalette.ColorRole.ButtonText: "text.primary",
    QPalette.ColorRole.Highlight: "surface.selection",
    QPalette.ColorRole.HighlightedText: "text.primary",
    QPalette.ColorRole.ToolTipBase: "surface.overlay",
    QPalette.ColorRole.ToolTipText: "text.primary",
    QPalette.ColorRole.Link: "text.primary",
    QPalette.ColorRole.Mid: "border.default",
    QPalette.ColorRole.Dark: "border.strong",
    QPalette.ColorRole.Light: "surface.hover",
    QPalette.ColorRole.Accent: "accent.base",
}
_DISABLED = (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText)


class Theme(QObject):
    """What is in force; `changed` tells that everything has to be painted anew."""

    changed = Signal()

    def __init__(self) -> None:
        """Starts light; `apply` decides."""
        super().__init__()
        self.scheme: Scheme = "light"
        self._wanted: Wanted = "system"
        self._follows = False
        self._system: Scheme = "light"

    @property
    def dark(self) -> bool:
        """Whether the dark scheme is in force."""
        return self.scheme == "dark"

    def color(self, name: str) -> QColor:
        """A colour by its dotted name, such as `text.primary`; the caller may change it.

        Raises:
            KeyError: the tokens have no such colour.
        """
        return QColor(tokens().colours[self.scheme][name])

    def apply(self, app: QApplication, wanted: Wanted = "system") -> None:
        """Puts style, palette, fonts and style sheet in force.

        Args:
            app: the application.
            wanted: a scheme, or the system's, which is followed from then on.
        """
        load_fonts()
        self._wanted = wanted
        hints = app.styleHints()
        if not self._follows:
            hints.colorSchemeChanged.connect(self._heed_system)
            self._follows = True
            self._system = _scheme_of(hints.colorScheme())
        self.scheme = self._system if wanted == "system" else wanted
        app.setStyle("Fusion")
        app.setPalette(self._palette())
        app.setFont(font("body"))
        app.setStyleSheet(self._style_sheet())
        self.changed.emit()

    def _heed_system(self, said: Qt.ColorScheme) -> None:
        self._system = _scheme_of(said)
        app = QApplication.instance()
        if self._wanted == "system" and isinstance(app, QApplication) and self._system != self.scheme:
            self.apply(app, "system")

    def _palette(self) -> QPalette:
        palette = QPalette()
        for role, name in _ROLES.items():
            palette.setColor(role, self.color(name))
        for role in _DISABLED:
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.color("text.disabled"))
        return palette

    def _style_sheet(self) -> str:
        template = resource("styles/app.qss").read_text(encoding="utf-8")
        return _PLACE.sub(lambda found: tokens().colours[self.scheme][found[1]], template)


def _scheme_of(said: Qt.ColorScheme) -> Scheme:
    """A scheme for what the system says; light where it does not know."""
    return "dark" if said == Qt.ColorScheme.Dark else "light"


theme = Theme()
"""The theme of this process."""


@cache
def load_fonts() -> tuple[str, ...]:
    """Loads the bundled fonts; returns the families that they brought."""
    families: list[str] = []
    for name in _FONT_FILES:
        number = QFontDatabase.addApplicationFont(str(resource(f"fonts/{name}")))
        families += QFontDatabase.applicationFontFamilies(number)
    return tuple(dict.fromkeys(families))


@lru_cache(maxsize=64)
def font(role: str, weight: int | None = None) -> QFont:
    """The font of a role of text (caption, small, body, strong, title, heading, figure, code, id).

    Args:
        role: as the tokens name it.
        weight: another weight than the role's: 400, 500 or 600.
    """
    kind = tokens().types[role]
    made = QFont(MONO_FAMILY if kind.mono else UI_FAMILY)
    made.setPixelSize(kind.px)
    made.setWeight(QFont.Weight(weight or kind.weight))
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    made.setStyleStrategy(QFont.StyleStrategy.PreferAntialias)
    if not kind.mono:
        made.setFeature(QFont.Tag("tnum"), 1)
    return made


def line_height(role: str) -> int:
    """The line height of a role of text in pixels."""
    return tokens().types[role].line
