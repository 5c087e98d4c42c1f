"""Transcripts as Markdown: all of it is there, and no text of others acts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from gastown_desktop.core.bead import Bead
from gastown_desktop.core.ids import BeadId, Oid, PolecatName
from gastown_desktop.core.views import BeadView
from gastown_desktop.engine.hooks import Assignment, Hook, Interjection, Turn
from gastown_desktop.engine.planning.session import Entry
from gastown_desktop.engine.transcript_page import talk_as_markdown, transcript_as_markdown

BEAD = BeadView(
    bead=Bead(id=BeadId("gt-1"), title="Greet ![x](http://evil/a.png)"), status="merged", cost=10**9
)
OID = Oid("1" * 40)


def turn(number: int, **fields: Any) -> Turn:
    return Turn(
        number=number,
        at="2026-01-02T03:04:05+00:00",
        tree=OID,
        cost=10**7,
        request_id=f"msg_{number}",
        prompt_tokens=1000,
        output_tokens=20,
        assistant=fields.pop("assistant", [{"type": "text", "text": f"Words {number}."}]),
        results=fields.pop("results", []),
        steps=[],
        notes=fields.pop("notes", []),
        **fields,
    )


def attempt(*turns: Turn, **fields: Any) -> Hook:
    assignment = Assignment(
        polecat=PolecatName("Nux"),
        bead=BeadId("gt-1"),
        base=OID,
        branch="refs/heads/work/Nux/gt-1-abc",
        epoch=fields.pop("epoch", 1),
        model="m",
        task="Say hello.",
        **fields,
    )
    return Hook(assignment=assignment, head=OID, turns=turns)


def fences(page: str) -> list[str]:
    """What stands between fences, as a reader of Markdown finds it."""
    found: list[str] = []
    fence = ""
    for line in page.split("\n"):
        mark = re.match(r"`{3,}", line)
        if not fence and mark:
            fence = mark[0]
            found.append("")
        elif fence and line == fence:
            fence = ""
        elif fence:
            found[-1] += line + "\n"
    assert not fence
    return found


def outside(page: str) -> str:
    """What a reader of Markdown takes for the page's own words."""
    for text in fences(page):
        page = page.replace(text, "", 1)
    return page


def test_every_turn_and_call_is_there_with_its_whole_result() -> None:
    call = {"type": "tool_use", "id": "c1", "name": "bash", "input": {"command": "make test"}}
    long = "x" * 50_000
    refused = {"type": "tool_use", "id": "c2", "name": "read", "input": {"path": "../a"}}
    page = transcript_as_markdown(
        BEAD,
        [
            attempt(
                turn(
                    1,
                    assistant=[
                        {"type": "thinking", "thinking": "Hm."},
                        call,
                        refused,
                        {"type": "odd", "n": 1},
                    ],
                    results=[
                        {"type": "tool_result", "tool_use_id": "c1", "content": long},
                        {"type": "tool_result", "tool_use_id": "c2", "content": "No.", "is_error": True},
                    ],
                    notes=["Remember."],
                    between="Go on.",
                ),
                turn(2, assistant=[call]),
                said=(Interjection(after=2, text="The gate is red."),),
            )
        ],
    )
    texts = fences(page)
    for words in ("Say hello.", "Hm.", "No.", "Remember.", "Go on.", "The gate is red."):
        assert f"{words}\n" in texts
    assert any('"command": "make test"' in text for text in texts)
    assert any('"type": "odd"' in text for text in texts)
    assert long in page
    assert "No result." in page
    assert "Refused:" in page
    assert "### Turn 1 · 2026-01-02T03:04:05+00:00 · $0.01 · 1000 prompt and 20 reply tokens" in page


def test_an_attempt_that_goes_on_does_not_repeat_the_one_before() -> None:
    first = attempt(turn(1), turn(2))
    second = attempt(
        turn(1), turn(2), turn(3), epoch=2, carried=2, said=(Interjection(after=2, text="Once more."),)
    )
    page = transcript_as_markdown(BEAD, [first, replace(second, submitted=OID)])
    assert page.count("Words 1.") == page.count("Words 2.") == page.count("Say hello.") == 1
    assert page.index("goes on after turn 2") < page.index("Once more.") < page.index("Words 3.")
    assert f"Handed in: `{OID}`" in page
    assert "2 attempts · 3 turns" in page


def test_text_of_others_stays_in_its_fence() -> None:
    nasty = "````\n# Fine\n```\n![x](http://evil/b.png)\n\x1b[31mred\u202e"
    call = {"type": "tool_use", "id": "c", "name": "bash", "input": {}}
    answer = {"type": "tool_result", "tool_use_id": "c", "content": nasty}
    page = transcript_as_markdown(
        BEAD, [attempt(turn(1, assistant=[{"type": "text", "text": nasty}, call], results=[answer]))]
    )
    own = outside(page)
    assert "evil/b.png" not in own
    assert "# Fine" not in own
    assert "![x]" not in own
    assert page.count("\\u001b[31mred\\u202e") == 2
    assert "\x1b" not in page


def test_the_talk_with_the_mayor_has_both_sides() -> None:
    at = "2026-01-02T03:04:05+00:00"
    page = talk_as_markdown(
        [
            Entry(number=1, at=at, who="you", text="Build it."),
            Entry(
                number=2, at=at, who="mayor", assistant=[{"type": "text", "text": "Three beads."}], cost=10**9
            ),
        ]
    )
    assert "## 1. You" in page
    assert "## 2. Mayor" in page
    assert "$1.00" in page
    assert {"Build it.\n", "Three beads.\n"} <= set(fences(page))
