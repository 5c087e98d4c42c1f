"""What a running convoy looks like on a terminal: words of others are shown, never obeyed."""

from __future__ import annotations

from io import StringIO
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from gastown_desktop.cli import progress
from gastown_desktop.cli.progress import plain_line
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, ConvoyId, RigId
from gastown_desktop.core.projection import Projection
from tests.fakes.clock import START


def drawn(title: str, action: str = "Running sed") -> str:
    """The table with one worker, as a terminal with colours and links gets it."""
    view = SimpleNamespace(name="Nux", bead="b-1", action=action, state="working", steps=2, steps_done=1)
    beads = {"b-1": SimpleNamespace(bead=SimpleNamespace(title=title))}
    state = cast("Any", SimpleNamespace(polecats={"Nux": view}, beads=beads))
    console = Console(file=StringIO(), force_terminal=True, width=120, color_system="standard")
    console.print(progress._workers(state))  # pyright: ignore[reportPrivateUsage]
    return cast("StringIO", console.file).getvalue()


@pytest.mark.parametrize(
    "words",
    ["Close [/b] tags", "Mend [bold red on white]x", "see [link=http://evil.example]docs[/link]", ":smile:"],
)
def test_titles_and_actions_are_no_markup(words: str) -> None:
    for shown in (drawn(words), drawn("Mend", words)):
        assert words in shown
        assert "\x1b]8;" not in shown


def test_a_worker_takes_one_line() -> None:
    assert drawn("Mend\nit").count("\n") == 1


@pytest.mark.parametrize(
    ("reason", "line"), [("red\nagain", "b-1 goes back: red"), ("", "b-1 goes back"), ("\n", "b-1 goes back")]
)
def test_a_bead_that_goes_back_without_a_reason_is_told_too(reason: str, line: str) -> None:
    event = ev.BeadReopened(rig=RigId("r"), convoy=ConvoyId("cv-1"), bead=BeadId("b-1"), reason=reason)
    assert plain_line(Projection(), ev.Envelope(seq=1, at=START, event=event)) == line
