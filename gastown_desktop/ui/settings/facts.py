"""The sections of the settings page that tell: this machine, this repository, the program."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from gastown_desktop.core.wording import plural, show_hidden
from gastown_desktop.engine.api import About, Configuration, GateWish, Settings, System
from gastown_desktop.ui.settings.rows import NAME, FactRow, ListRow, Section
from gastown_desktop.ui.welcome.recent_list import short_path
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import ElidedLabel, PlainLabel

_SPACING = 12
_KINDS = {
    "gate": ("gate", "gates"),
    "setup": ("set-up step", "set-up steps"),
    "copy": ("ignored file copied", "ignored files copied"),
    "generated": ("file made anew", "files made anew"),
    "network": ("host of the network", "hosts of the network"),
    "program": ("program of its git configuration", "programs of its git configuration"),
    "hook": ("hook", "hooks"),
    "submodule": ("submodule", "submodules"),
}
"""Kinds of what would run, one and many."""


class MachineSection(Section):
    """Git, the sandbox, and where things are kept."""

    folder_wanted = Signal()
    file_wanted = Signal()

    def __init__(self) -> None:
        """Knows nothing yet."""
        super().__init__("This machine")
        self.git = FactRow("Git")
        self.sandbox = FactRow("Sandbox")
        self.data = FactRow("Data folder", "Open folder", path=True)
        self.file = FactRow("Settings file", "Open file", path=True)
        for row in (self.git, self.sandbox, self.data, self.file):
            self.add(row)
        self.data.wanted.connect(self.folder_wanted)
        self.file.wanted.connect(self.file_wanted)

    def show_places(self, settings: Settings, *, exists: bool) -> None:
        """Shows where things are.

        Args:
            settings: says where.
            exists: there is a settings file already.
        """
        self.data.say(short_path(settings.data))
        self.file.say(short_path(settings.file))
        self.file.button.setEnabled(exists)
        self.file.button.setToolTip("" if exists else "It is made when you change a setting.")

    def show_system(self, system: System) -> None:
        """Shows what was found."""
        self.git.say(system.git)
        if system.sandbox:
            self.sandbox.say(system.sandbox)
        else:
            self.sandbox.say(
                "None was found. What a repository runs has your rights; install bubblewrap to confine it."
            )

    def show_trouble(self, words: str) -> None:
        """Says why nothing is known of git and the sandbox."""
        self.git.say(words, "state.failed")
        self.sandbox.say("unknown", "text.tertiary")


class RepositorySection(Section):
    """What the open repository proposes, what of it is trusted, and what was ignored."""

    def __init__(self) -> None:
        """Has no repository yet."""
        super().__init__("This repository")
        self.words = FactRow("")
        self.gates = ListRow("Gates")
        self.note = FactRow("")
        self.trust = FactRow("Trust")
        self.ignored = FactRow("Ignored keys")
        self._facts = (self.gates, self.note, self.trust, self.ignored)
        for row in (self.words, *self._facts):
            self.add(row)
        self.show_words("No repository is open.", "text.tertiary")

    def show_words(self, words: str, color: str = "text.primary") -> None:
        """Says why there is nothing to show."""
        self.words.say(words, color)
        self.words.show()
        for row in self._facts:
            row.hide()

    def show_configuration(self, found: Configuration) -> None:
        """Shows what it proposes."""
        if found.trouble:
            self.show_words(f"{found.trouble} {found.remedy}".strip(), "state.failed")
            return
        self.words.hide()
        for row in self._facts:
            row.show()
        self.gates.show_lines(tuple((_one_line(one.command), _source(one)) for one in found.gates))
        note = _gate_note(found)
        self.gates.setVisible(bool(found.gates))
        self.note.setVisible(bool(note))
        self.note.say(note, "text.tertiary")
        self.trust.say(_trust_words(found))
        keys = ", ".join(found.ignored)
        self.ignored.say(f"{keys} in .gastown.toml: a repository may not set them." if keys else "None.")


class AboutSection(Section):
    """Version and licences."""

    def __init__(self) -> None:
        """Knows nothing yet."""
        super().__init__("About")
        self.version = FactRow("Version")
        self.add(self.version)
        self.button = Button("Show licences", small=True)
        self.button.clicked.connect(self._turn)
        self._count = ElidedLabel("")
        label = PlainLabel("Licences", tone="secondary")
        label.setFixedWidth(NAME)
        line = QWidget()
        line.setFixedHeight(32)
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(_SPACING)
        row.addWidget(label)
        row.addWidget(self._count, 1)
        row.addWidget(self.button)
        self.add(line)
        self._table: QWidget | None = None
        self.list = QWidget()
        self.list.hide()
        self._column = QVBoxLayout(self.list)
        self._column.setContentsMargins(NAME + _SPACING, 0, 0, 0)
        self.add(self.list)

    def show_about(self, about: About) -> None:
        """Shows version and licences; what was shown before goes."""
        self.version.say(f"Gas Town Desktop {about.version}, {about.licence} licence")
        self._count.setText(
            f"Made with {plural(len(about.parts), 'part')} of others, each under its own licence"
        )
        if self._table is not None:
            self._column.removeWidget(self._table)
            self._table.deleteLater()
        self._table = _table(about.parts)
        self._column.addWidget(self._table)

    def _turn(self) -> None:
        shown = self.list.isHidden()
        self.list.setVisible(shown)
        self.button.set_words("Hide licences" if shown else "Show licences")


def _table(parts: tuple[tuple[str, str, str], ...]) -> QWidget:
    table = QWidget()
    grid = QGridLayout(table)
    grid.setContentsMargins(0, 0, 0, 8)
    grid.setHorizontalSpacing(_SPACING)
    grid.setVerticalSpacing(2)
    grid.setColumnStretch(2, 1)
    for at, (name, version, licence) in enumerate(parts):
        grid.addWidget(PlainLabel(name, "small"), at, 0, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(PlainLabel(version, "small", "tertiary"), at, 1, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(ElidedLabel(licence, "small", "text.secondary"), at, 2)
    return table


def _source(gate: GateWish) -> str:
    return "Proposed" if gate.reason else ".gastown.toml"


def _gate_note(found: Configuration) -> str:
    """What is to be said of the gates, where they are not the repository's own."""
    if not found.gates:
        return "No gate was found. A rehearsal tests nothing, unless you type a command that must succeed."
    if any(gate.reason for gate in found.gates):
        return "Its .gastown.toml names no gate; these were found, and run only when you tick them."
    return ""


def _trust_words(found: Configuration) -> str:
    runs = found.runs
    if runs is None or not runs.items:
        return "Nothing of it would run."
    kinds = [kind for kind, _, _ in runs.items]
    listed = ", ".join(_counted(kind, kinds.count(kind)) for kind in dict.fromkeys(kinds))
    if runs.trusted:
        return f"Trusted with exactly this: {listed}."
    return f"Not trusted with this list: {listed}. You are asked before any of it runs."


def _counted(kind: str, count: int) -> str:
    one, many = _KINDS.get(kind, (kind, kind))
    return plural(count, one, many)


def _one_line(text: str) -> str:
    return show_hidden(" ".join(text.split()))
