"""The talk with the Mayor, in git, so that a crash loses nothing.

A chain of commits at `RefNames.mayor`; each adds one file, `turns/0001.json`, …: what the user said, or a
reply of the model with the results of its tools and the facts that follow from it; `preambles/` has what the
requests began with. The reference moves
before anything is told, so whatever a stop leaves untold is told from here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, cast

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.event_lines import decode, encode
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.core.plain_text import one_line, plain_text
from gastown_desktop.core.plan import PlanFact, untold
from gastown_desktop.core.projection import Projection
from gastown_desktop.engine.git_ports import REGULAR, GitObjects, Signature, TreeEntry
from gastown_desktop.engine.ports import Clock
from gastown_desktop.engine.preambles import FOLDER, with_preamble
from gastown_desktop.engine.tools.workbench import Question

Rest = Literal["", "planned", "asked", "limit", "refused", "talked"]
"""How the talk rests after a turn; empty while it goes on."""
MAYOR_ITEMS = "mayor:"
"""How the Mayor's items in Needs you begin; the two below are followed by the turn's number."""
QUESTION_ITEM = f"{MAYOR_ITEMS}question:"
MODEL_ITEM = f"{MAYOR_ITEMS}model:"
LONGEST_SAID = 8_000
"""Characters of what was said that an event holds; the talk itself holds all."""
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing said."""

    number: int
    """Its place in the talk, from 1."""
    at: str
    who: Literal["you", "mayor"]
    text: str = ""
    """What the user said."""
    answers: str = ""
    """The item of Needs you that it answers."""
    assistant: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Content blocks of the reply."""
    results: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Tool results that answer it."""
    told: str = ""
    """What the town says on top, to the model."""
    fresh: str = ""
    """The first message of a context that begins afresh after this."""
    facts: tuple[str, ...] = ()
    """What it changes of the plan, as lines of a history."""
    shown: tuple[BeadId, ...] = ()
    question: Question | None = None
    rest: Rest = ""
    why: str = ""
    """Why it cannot go on, where the user has to act."""
    plan: str = ""
    """Names the plan that the model knows after it."""
    stop_reason: str = ""
    cost: int = 0
    """Nano-dollars at list price."""
    request_id: str = ""
    prompt_tokens: int = 0
    output_tokens: int = 0
    tool_s: float = 0.0
    preamble: Oid | None = None
    """The preamble of its request (engine.preambles); None in a talk of an earlier version."""

    @property
    def said(self) -> str:
        """What was said, without what cannot be seen."""
        if self.who == "you":
            return plain_text(self.text)
        texts = [str(block.get("text", "")) for block in self.assistant if block.get("type") == "text"]
        return plain_text("\n\n".join(text for text in texts if text))

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools that were called, in order."""
        calls = [block for block in self.assistant if block.get("type") == "tool_use"]
        return tuple(one_line(str(block.get("name", "")))[:_LONGEST_NAME] for block in calls)

    @property
    def item(self) -> str:
        """The item of Needs you that it makes; empty when it makes none."""
        if self.question is not None:
            return f"{QUESTION_ITEM}{self.number}"
        return f"{MODEL_ITEM}{self.number}" if self.why else ""


@dataclass(frozen=True, slots=True)
class Session:
    """The talk as it stands in git."""

    entries: tuple[Entry, ...] = ()
    head: Oid | None = None
    blobs: tuple[TreeEntry, ...] = ()


class Sessions:
    """Reads and writes one convoy's talk."""

    def __init__(self, objects: GitObjects, ref: str, clock: Clock) -> None:
        """Works on the rig's own repository."""
        self._objects = objects
        self._ref = ref
        self._clock = clock

    async def load(self) -> Session:
        """The talk as an earlier process left it; empty where there was none.

        Raises:
            StoreError: it cannot be read.
        """
        head = await self._objects.read_ref(self._ref)
        if head is None:
            return Session()
        try:
            leaves = await self._objects.list_tree(await self._objects.tree_of(head), recursive=True)
            blobs = tuple(sorted(leaves, key=lambda leaf: leaf.path))
            told = [blob for blob in blobs if not blob.path.startswith(FOLDER)]
            entries = [_entry(await self._objects.read_blob(blob.oid)) for blob in told]
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"The talk with the Mayor cannot be read ({error!r}).") from error
        return Session(tuple(entries), head, blobs)

    async def record(self, session: Session, entry: Entry) -> Session:
        """Adds one thing said.

        Raises:
            StoreError: somebody else wrote meanwhile.
        """
        blob = await self._objects.write_blob(_json(asdict(entry)))
        added = TreeEntry(f"turns/{entry.number:04}.json", REGULAR, blob)
        blobs = with_preamble((*session.blobs, added), entry.preamble)
        tree = await self._objects.write_tree(blobs)
        town = Signature("Gas Town", "town@gastown.invalid", self._clock.now())
        parents = () if session.head is None else (session.head,)
        subject = f"Mayor: turn {entry.number}\n"
        head = await self._objects.write_commit(tree, parents, subject, town, town)
        if not await self._objects.swap_ref(self._ref, old=session.head, new=head):
            raise StoreError("The talk with the Mayor went on elsewhere while it was written.")
        return Session((*session.entries, entry), head, blobs)


def fact_lines(facts: Sequence[PlanFact], at: datetime) -> tuple[str, ...]:
    """Facts as they are kept."""
    lines = [encode(ev.Envelope(seq=seq, at=at, event=fact)) for seq, fact in enumerate(facts, 1)]
    return tuple(line.decode("ascii") for line in lines)


def events_of(entry: Entry, state: Projection, where: Any) -> list[ev.DurableEvent]:
    """What a history that may have been cut short still lacks of something said.

    Args:
        entry: what was said.
        state: what was told.
        where: the fields that every event of the convoy begins with.
    """
    events: list[ev.DurableEvent] = []
    if not any(one.turn == entry.number for one in state.mayor):
        facts = [cast("PlanFact", decode(line.encode("ascii")).event) for line in entry.facts]
        events += untold(facts, state)
        events.append(
            ev.MayorSaid(
                **where,
                who=entry.who,
                turn=entry.number,
                text=entry.said[:LONGEST_SAID],
                tools=entry.tools,
                shown=entry.shown,
                cost=entry.cost,
                prompt_tokens=entry.prompt_tokens,
                output_tokens=entry.output_tokens,
            )
        )
    if entry.answers in state.needs_you:
        events.append(ev.NeedAnswered(**where, item=entry.answers, answer=entry.said))
    if entry.item and entry.item not in state.needs_you and entry.item not in state.answers:
        events.append(_need(entry, where))
    return events


def _need(entry: Entry, where: Any) -> ev.NeedsYou:
    question = entry.question
    if question is None:
        return ev.NeedsYou(**where, item=entry.item, about="model", text=entry.why)
    return ev.NeedsYou(
        **where,
        item=entry.item,
        about="question",
        text=question.text,
        options=question.options,
        default=question.default,
    )


def _json(value: object) -> bytes:
    """Names stay in the order in which they were said, so that a reply goes back as it came."""
    return json.dumps(value, ensure_ascii=True, indent=1).encode("ascii") + b"\n"


def _entry(data: bytes) -> Entry:
    fields = json.loads(data)
    question = fields.pop("question", None)
    if question is not None:
        question = Question(question["text"], tuple(question["options"]), question["default"])
    entry = Entry(**fields, question=question)
    return replace(entry, facts=tuple(entry.facts), shown=tuple(entry.shown))
