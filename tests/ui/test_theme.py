"""Every pair of text and ground that the design uses can be read, in both schemes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontInfo, QFontMetricsF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gastown_desktop.core.card import STATES
from gastown_desktop.ui.frame.frame import Frame
from gastown_desktop.ui.theme import glyphs
from gastown_desktop.ui.theme.theme import font, load_fonts, theme
from gastown_desktop.ui.theme.tokens import Scheme, tokens
from gastown_desktop.ui.welcome.page import WelcomePage

SCHEMES: tuple[Scheme, Scheme] = ("light", "dark")
SURFACES = [name for name in tokens().colours["light"] if name.startswith("surface.")]
ON_SURFACES = [*(f"text.{name}" for name in ("primary", "secondary", "tertiary"))]
STATE_NAMES = [name for name in tokens().colours["light"] if name.startswith("state.")]


def luminance(color: QColor) -> float:
    """Relative luminance as WCAG 2.2 defines it."""

    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF())


def contrast(one: str, other: str, scheme: Scheme) -> float:
    lights = sorted(luminance(QColor(tokens().colours[scheme][name])) for name in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("text", ON_SURFACES)
def test_text_can_be_read_on_every_surface(scheme: Scheme, surface: str, text: str) -> None:
    assert contrast(text, surface, scheme) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("state", STATE_NAMES)
def test_a_state_can_be_read_on_cards_pages_and_its_tint(scheme: Scheme, state: str) -> None:
    for ground in ("surface.content", "surface.raised", state.replace("state.", "tint.")):
        assert contrast(state, ground, scheme) >= 4.5, ground


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_primary_button_can_be_read_in_all_its_states(scheme: Scheme) -> None:
    for ground in ("accent.base", "accent.hover", "accent.pressed"):
        assert contrast("accent.on", ground, scheme) >= 4.5, ground


@pytest.mark.parametrize("scheme", SCHEMES)
def test_borders_of_controls_and_the_focus_ring_stand_out(scheme: Scheme) -> None:
    for ground in ("surface.content", "surface.raised", "surface.window"):
        assert contrast("border.control", ground, scheme) >= 3.0, ground
        assert contrast("focus.ring", ground, scheme) >= 3.0, ground


def test_the_bundled_fonts_are_the_ones_that_are_shown(qapp: QApplication) -> None:
    assert {"Inter", "JetBrains Mono"} <= set(load_fonts())
    assert QFontInfo(font("body")).family() == "Inter"
    assert QFontInfo(font("code")).family() == "JetBrains Mono"
    assert QFontInfo(font("strong")).weight() == 600


def test_figures_are_as_wide_as_each_other(qapp: QApplication) -> None:
    metrics = QFontMetricsF(font("body"))
    assert metrics.horizontalAdvance("1111") == metrics.horizontalAdvance("0000")


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_glyph_in_its_colour(qapp: QApplication, state: str) -> None:
    made = glyphs.pixmap(glyphs.glyph_of(state), glyphs.state_color(state), 14, 2.0)
    image = made.toImage()
    assert image.width() == 28
    places = [(x, y) for x in range(28) for y in range(28)]
    drawn = [image.pixelColor(*place) for place in places if image.pixelColor(*place).alpha() == 255]
    wanted = glyphs.state_color(state)
    assert drawn
    assert all(abs(color.hue() - wanted.hue()) <= 4 for color in drawn)


def test_another_scheme_changes_colours_and_palette(qapp: QApplication, dark: None) -> None:
    assert theme.dark
    assert theme.color("surface.content").name().upper() == "#1D1A18"
    assert qapp.palette().window().color() == theme.color("surface.content")
    assert "{" not in qapp.styleSheet().replace("{ ", "").split("/*")[0]


def test_a_window_that_is_open_takes_the_other_scheme_on(qapp: QApplication, qtbot: QtBot) -> None:
    frame = Frame()
    frame.add_page("welcome", WelcomePage())
    qtbot.addWidget(frame)
    frame.resize(1280, 800)
    frame.show()
    try:
        theme.apply(qapp, "dark")
        image = frame.grab().toImage()
        assert image.pixelColor(640, 5) == theme.color("surface.rail")
        assert image.pixelColor(100, 500) == theme.color("surface.rail")
        assert image.pixelColor(230, 400) == theme.color("surface.content")
        assert image.pixelColor(590, 350) == theme.color("accent.base")
    finally:
        theme.apply(qapp, "light")
    assert frame.grab().toImage().pixelColor(230, 400).name().upper() == "#F8F6F2"


def test_the_scheme_of_the_system_is_followed_unless_another_is_wanted(qapp: QApplication) -> None:
    hints = qapp.styleHints()
    theme.apply(qapp, "system")
    try:
        for scheme, dark in ((Qt.ColorScheme.Dark, True), (Qt.ColorScheme.Light, False)):
            hints.colorSchemeChanged.emit(scheme)
            assert theme.dark is dark
        theme.apply(qapp, "light")
        hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
        assert not theme.dark
        theme.apply(qapp, "system")
        assert theme.dark
    finally:
        hints.colorSchemeChanged.emit(Qt.ColorScheme.Light)
        theme.apply(qapp, "light")
