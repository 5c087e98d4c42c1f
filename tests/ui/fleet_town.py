"""Canned answers of an engine for the tests of the Fleet page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gastown_desktop.core.ids import BeadId, ConvoyId, Oid
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.api import (
    Bill,
    BillRequest,
    DiffLine,
    FileDiff,
    Outcome,
    SpokenTurn,
    ToolCall,
    Transcript,
)
from tests.fakes.engine_api import FakeEngineApi

AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def engine(*turns: SpokenTurn, **answers: Any) -> FakeEngineApi:
    """An engine whose workers all said these turns."""

    def transcript(_convoy: ConvoyId, bead: BeadId) -> Transcript:
        return Transcript(bead=bead, task="", turns=turns, steps=(("Read", True), ("Write", False)))

    known: dict[str, Any] = {
        "transcript": transcript,
        "diff": (diffed(),),
        "dependants": (),
        "bill": Bill(convoy=ConvoyId("cv-1"), cap=None, settled=0, assumed=0, held=0, reserve=0),
        "discard": Outcome(done=True, words="It is discarded."),
        "take_over": Path("/hand/gt-a"),
        "give_back": ("src/app.py",),
    }
    return FakeEngineApi(**{**known, **answers})


def called(name: str, what: str, result: str = "ok", *, refused: bool = False) -> ToolCall:
    """A tool call."""
    return ToolCall(name=name, what=what, result=result, refused=refused)


def spoken(number: int, text: str = "", *calls: ToolCall, **fields: Any) -> SpokenTurn:
    """A turn."""
    known: dict[str, Any] = {"cost": 110_000_000, "seconds": 4.1, "tree": Oid("2" * 40), **fields}
    return SpokenTurn(number=number, at=AT, text=text or f"I did part {number}.", calls=calls, **known)


def diffed(path: str = "src/app.py") -> FileDiff:
    """A file that lost one line and gained two."""
    lines = (
        DiffLine(sign=" ", old=1, new=1, text="import os"),
        DiffLine(sign="-", old=2, new=None, text="old = 1"),
        DiffLine(sign="+", old=None, new=2, text="new = 2"),
        DiffLine(sign="+", old=None, new=3, text="newer = 3"),
    )
    return FileDiff(path=path, change="modified", added=2, removed=1, hunks=(lines,))


def requested(what: str, amount: int = 110_000_000) -> BillRequest:
    """A settled request."""
    usage = Usage(input_tokens=48_000, output_tokens=700)
    return BillRequest(
        id=what, at=AT, what=what, model="claude-opus-5-5", state="settled", amount=amount, usage=usage
    )
