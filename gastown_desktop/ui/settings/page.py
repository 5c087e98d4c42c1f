"""The settings page: each value with where it comes from, changed in place and written at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from gastown_desktop.bridge.tasks import spawn
from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.ledger import LimitKind
from gastown_desktop.engine.api import EngineApi, SettingName, Settings
from gastown_desktop.ui.frame.page_header import PageHeader
from gastown_desktop.ui.settings.controls import AmountField, ModelMenu, WorkersSlider, price_words, segments
from gastown_desktop.ui.settings.facts import AboutSection, MachineSection, RepositorySection
from gastown_desktop.ui.settings.rows import Notice, Section, SettingRow

_Value = str | int | bool | None
_OF_THE_FLEET: tuple[SettingName, ...] = ("polecats", "model")
_AMOUNTS: tuple[SettingName, ...] = ("rehearsal_limit", "day_cap", "town_cap")
_WIDEST = 880
"""Pixels of the widest content: the eye finds the source of a value without a ruler."""
_ALL = 10_000
"""Stretch that leaves nothing to its neighbour before its own widest is reached."""


class SettingsPage(QWidget):
    """Asks for everything each time it is shown; files may have been edited meanwhile."""

    settings_changed = Signal(object)
    """A setting was written: the `Settings` in force now."""
    settings_read = Signal(object)
    """The file was read anew: what it says now, as `Settings`."""

    def __init__(self, api: EngineApi, parent: QWidget | None = None) -> None:
        """Makes the page.

        Args:
            api: reads and writes settings.
            parent: owns it.
        """
        super().__init__(parent)
        self._api = api
        self._settings: Settings | None = None
        self._has_repository = False
        self._asking = False
        self._make_controls()
        self.rows = self._make_rows()
        self.notice = Notice("Open file")
        self.machine, self.repository, self.about = MachineSection(), RepositorySection(), AboutSection()
        self._lay_out()
        self._connect()
        self.setFocusProxy(self.theme)

    # --- what comes ---

    def refresh(self) -> None:
        """Another repository is about to be open."""
        self.repository.show_words("No repository is open.", "text.tertiary")
        self._has_repository = False

    def show_repository(self) -> None:
        """A repository is open now."""
        self._has_repository = True
        self.repository.show_words("Not read yet.", "text.tertiary")
        if self.isVisible():
            spawn(self._ask_repository(), owner=self)

    def show_settings(self, settings: Settings) -> None:
        """Shows values with their sources; where the file cannot be read, none can be changed."""
        self._settings = settings
        self.theme.select(settings.theme)
        self.rail.select(settings.rail)
        self.density.select(settings.density)
        self.motion.select("reduced" if settings.reduced_motion else "full")
        self.workers.show_number(settings.polecats)
        self.model.show_model(settings.model)
        self.limit.show_amount(settings.rehearsal_limit)
        self.day_cap.show_amount(settings.day_cap)
        self.town_cap.show_amount(settings.town_cap)
        for name, row in self.rows.items():
            row.show_source(given=name in settings.given)
            row.control.setEnabled(not settings.trouble)
            row.say()
        self.rows["model"].say(price_words(settings.model))
        self._say_workers(settings.polecats)
        self.machine.show_places(settings, exists=settings.file.exists())
        trouble = f"{settings.trouble} {settings.remedy} Defaults hold; nothing is written."
        self.notice.say(trouble if settings.trouble else "")

    def ask_for_limit(self, kind: LimitKind) -> None:
        """Puts the keyboard where the limit of a day, or of everything, is typed."""
        field = self.day_cap if kind == "day" else self.town_cap
        field.setFocus(Qt.FocusReason.OtherFocusReason)
        field.selectAll()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._asking:
            self._asking = True
            spawn(self._ask(), owner=self)

    async def _ask(self) -> None:
        """Asks for everything that is shown, what is slow last."""
        try:
            settings = await self._api.settings()
            self.show_settings(settings)
            self.settings_read.emit(settings)
            self.about.show_about(await self._api.about())
            try:
                self.machine.show_system(await self._api.system())
            except GasTownError as error:
                self.machine.show_trouble(f"{error} {error.remedy}".strip())
            await self._ask_repository()
        finally:
            self._asking = False

    async def _ask_repository(self) -> None:
        if not self._has_repository:
            return
        try:
            self.repository.show_configuration(await self._api.configuration())
        except GasTownError as error:
            self.repository.show_words(f"{error} {error.remedy}".strip(), "state.failed")

    # --- what the user does ---

    def _set(self, name: SettingName, value: _Value) -> None:
        spawn(self._write(name, value), owner=self)

    async def _write(self, name: SettingName, value: _Value) -> None:
        """Writes a setting, in force at once; where it cannot be written, the old value stands again."""
        before = self._settings
        try:
            settings = await self._api.set_setting(name, value)
        except GasTownError as error:
            if before is not None:
                self.show_settings(before)
            self.notice.say(error.whole)
            return
        self.show_settings(settings)
        self.settings_changed.emit(settings)

    def _say_workers(self, number: int) -> None:
        self.rows["polecats"].say(f"{number} at once")

    def _open(self, of: Callable[[Settings], Path]) -> None:
        if self._settings is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(of(self._settings))))

    # --- making ---

    def _make_controls(self) -> None:
        self.theme = segments(("system", "As the system"), ("light", "Light"), ("dark", "Dark"))
        self.rail = segments(("open", "Open"), ("icons", "Icons"))
        self.density = segments(("cards", "Cards"), ("table", "Table"))
        self.motion = segments(("full", "Full"), ("reduced", "Reduced"))
        self.workers = WorkersSlider()
        self.model = ModelMenu()
        self.limit = AmountField("Limit of a rehearsal")
        self.day_cap = AmountField("Limit of a day", "No limit")
        self.town_cap = AmountField("Limit of everything", "No limit")

    def _make_rows(self) -> dict[SettingName, SettingRow]:
        return {
            "theme": SettingRow("Theme", self.theme),
            "rail": SettingRow("Rail", self.rail, "With words, or icons alone"),
            "density": SettingRow("Fleet", self.density, "How workers are shown at first"),
            "reduced_motion": SettingRow("Motion", self.motion, "Reduced: nothing blinks"),
            "polecats": SettingRow("Workers", self.workers),
            "model": SettingRow("Model", self.model),
            "rehearsal_limit": SettingRow("Rehearsal limit", self.limit, "At list price"),
            "day_cap": SettingRow("Limit of a day", self.day_cap, "What real work may spend in a day"),
            "town_cap": SettingRow("Limit of everything", self.town_cap, "What real work may ever spend"),
        }

    def _lay_out(self) -> None:
        window, fleet, limits = Section("Window"), Section("Fleet"), Section("Limits")
        for name, row in self.rows.items():
            (limits if name in _AMOUNTS else fleet if name in _OF_THE_FLEET else window).add(row)
        inner = QWidget()
        inner.setMaximumWidth(_WIDEST)
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 20)
        column.setSpacing(4)
        for part in (self.notice, window, fleet, limits, self.machine, self.repository, self.about):
            column.addWidget(part)
        column.addStretch(1)
        content = QWidget()
        content.setProperty("surface", "content")
        row = QHBoxLayout(content)
        row.setContentsMargins(20, 0, 20, 0)
        row.addWidget(inner, _ALL)
        row.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(PageHeader("Settings", reading=True))
        outer.addWidget(area, 1)

    def _connect(self) -> None:
        self.theme.chosen.connect(lambda name: self._set("theme", name))
        self.rail.chosen.connect(lambda name: self._set("rail", name))
        self.density.chosen.connect(lambda name: self._set("density", name))
        self.motion.chosen.connect(lambda name: self._set("reduced_motion", name == "reduced"))
        self.workers.sliderMoved.connect(self._say_workers)
        self.workers.chosen.connect(lambda number: self._set("polecats", number))
        self.model.chosen.connect(lambda model: self._set("model", model))
        for name in _AMOUNTS:
            row = self.rows[name]
            field = row.control
            assert isinstance(field, AmountField)
            field.chosen.connect(partial(self._set, name))
            field.refused.connect(partial(row.say, failed=True))
            field.left.connect(row.say)
        for name, row in self.rows.items():
            row.default_wanted.connect(partial(self._set, name, None))
        self.machine.folder_wanted.connect(lambda: self._open(lambda settings: settings.data))
        for part in (self.notice.wanted, self.machine.file_wanted):
            part.connect(lambda: self._open(lambda settings: settings.file))
