"""Every action of the window, declared once: menus, the palette and the shortcut sheet are made from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

_ALWAYS = ""


def always() -> str:
    """The reason why an action that is always there cannot be used: none."""
    return _ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpec:
    """What an action is."""

    id: str
    """`go.fleet`, `worker.pause`: area and verb."""
    text: str
    """Verb and object, as menus and the palette say it."""
    group: str
    """Heading in the shortcut sheet."""
    shortcut: str = ""
    """As Qt spells it, `Ctrl+K`; empty for none."""
    synonyms: tuple[str, ...] = ()
    """Other words by which people look for it."""
    icon: str = ""


@dataclass(slots=True)
class _Entry:
    spec: ActionSpec
    action: QAction
    refusal: Callable[[], str]


class Actions(QObject):
    """The registry of one window."""

    def __init__(self, window: QWidget) -> None:
        """Starts with none; shortcuts work in the whole window."""
        super().__init__(window)
        self._window = window
        self._entries: dict[str, _Entry] = {}

    def add(
        self, spec: ActionSpec, run: Callable[[], object], refusal: Callable[[], str] = always
    ) -> QAction:
        """Adds an action.

        Args:
            spec: what it is.
            run: does it.
            refusal: says why it cannot be done now; empty when it can.

        Raises:
            ValueError: the id or the shortcut is taken.
        """
        if spec.id in self._entries:
            raise ValueError(f"there is an action {spec.id} already")
        if spec.shortcut and (other := self.with_shortcut(spec.shortcut)) is not None:
            raise ValueError(f"{spec.id} and {other.id} have the same shortcut {spec.shortcut}")
        action = QAction(spec.text, self._window)
        if spec.shortcut:
            action.setShortcut(QKeySequence(spec.shortcut))
        entry = _Entry(spec, action, refusal)
        action.triggered.connect(lambda: self._run(entry, run))
        self._window.addAction(action)
        self._entries[spec.id] = entry
        return action

    def specs(self) -> list[ActionSpec]:
        """All actions, in the order in which they were added."""
        return [entry.spec for entry in self._entries.values()]

    def action(self, name: str) -> QAction:
        """The action of an id, for a menu.

        Raises:
            KeyError: there is none.
        """
        return self._entries[name].action

    def refusal(self, name: str) -> str:
        """Why an action cannot be used now; empty when it can."""
        return self._entries[name].refusal()

    def trigger(self, name: str) -> bool:
        """Does an action, unless it cannot be done now; tells whether it was."""
        if self.refusal(name):
            return False
        self._entries[name].action.trigger()
        return True

    def with_shortcut(self, shortcut: str) -> ActionSpec | None:
        """The action that a shortcut triggers."""
        wanted = QKeySequence(shortcut)
        found = (one.spec for one in self._entries.values() if one.spec.shortcut)
        return next((spec for spec in found if QKeySequence(spec.shortcut) == wanted), None)

    @staticmethod
    def _run(entry: _Entry, run: Callable[[], object]) -> None:
        if not entry.refusal():
            run()


def matches(spec: ActionSpec, typed: str) -> int | None:
    """How well an action fits what was typed, smaller is better; None when it does not."""
    wanted = typed.lower().split()
    words = f"{spec.text} {spec.group}".lower()
    others = " ".join(spec.synonyms).lower()
    if not all(word in words or word in others for word in wanted):
        return None
    starts = spec.text.lower().startswith(typed.lower().strip())
    in_text = all(word in spec.text.lower() for word in wanted)
    return 0 if starts else 1 if in_text else 2
