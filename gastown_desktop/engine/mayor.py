"""The Mayor: turns a goal into a convoy of beads, in a talk with the user.

It looks at the repository and changes the plan, nothing else: it cannot launch, land, spend, answer or speak
to workers. Each thing said is on a reference of town.git before anything of it is told, so a start after a
stop tells the rest and repeats the turn that was in flight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Literal

from gastown_desktop.core import events as ev
from gastown_desktop.core.context import clear_at, full_at
from gastown_desktop.core.errors import CapReached, ModelError, Refused, ToolRefused
from gastown_desktop.core.ids import MAYOR, Oid
from gastown_desktop.core.plain_text import plain_text
from gastown_desktop.core.plan import Ground, Plan, facts_between, plan_text
from gastown_desktop.core.prices import Price
from gastown_desktop.core.secrets import NO_SECRETS, Secrets
from gastown_desktop.core.serialising import SerialisingFiles
from gastown_desktop.engine.api import SpokenTurn
from gastown_desktop.engine.asking import ask_whole
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.conversation import tool_result
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.looking.library import Library
from gastown_desktop.engine.looking.tools import LOOKING_NAMES
from gastown_desktop.engine.planning import replies
from gastown_desktop.engine.planning.desk import Desk
from gastown_desktop.engine.planning.reading import spoken
from gastown_desktop.engine.planning.session import (
    MAYOR_ITEMS,
    MODEL_ITEM,
    Entry,
    Session,
    Sessions,
    events_of,
    fact_lines,
)
from gastown_desktop.engine.planning.talk import Talk
from gastown_desktop.engine.planning.toolbox import DEFINITIONS, action_of, call
from gastown_desktop.engine.ports import Clock
from gastown_desktop.engine.preambles import Preamble, write_preamble
from gastown_desktop.engine.reply import Reply
from gastown_desktop.engine.rig import RefNames, Rig
from gastown_desktop.engine.spend_gate import URGENCY_PLAN, Order, RecentOutputs

MOST_TURNS = 40
"""Turns after something that the user said; then the user has to say more."""
LONGEST_WORDS = 20_000
"""Characters that the user may say at once."""
MayorOutcome = Literal["planned", "asked", "limit", "refused", "talked"]
"""How the talk rests: the plan changed, a question waits, it cannot go on for now (a cap, or too many turns),
the model or its provider refused, or it was only talked."""
Ask = Callable[[Order, Callable[[str], None]], Awaitable[Reply]]
"""Sends one request under the cap and streams the reply's text; patience with the provider lives there."""


class Mayor:
    """One convoy's planner. Its commands run one after the other; nothing is read before the first.

    Args:
        bus: the convoy's events.
        objects: the rig's own repository.
        refs: names of the convoy's refs.
        rig: the repository.
        clock: the time.
        base: the commit that is planned on.
        model: who plans.
        price: its price.
        scopes: ledger scopes of every request of this convoy.
        system: blocks of the instructions, those that others share first.
        ask: sends a request.
        prefix: what bead ids begin with.
        gates: commands that have to succeed before a bead lands.
        serialising: files that the rig settles by itself.
        changing: held while the plan changes, also by those who change it for the user.
        secrets: what it is not told.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        objects: GitObjects,
        refs: RefNames,
        rig: Rig,
        clock: Clock,
        base: Oid,
        model: str,
        price: Price,
        scopes: tuple[str, ...],
        system: tuple[dict[str, Any], ...],
        ask: Ask,
        prefix: str,
        gates: tuple[str, ...] = (),
        serialising: SerialisingFiles | None = None,
        changing: asyncio.Lock | None = None,
        secrets: Secrets = NO_SECRETS,
    ) -> None:
        self._bus = bus
        self._secrets = secrets
        self._clock = clock
        self._model, self._price = model, price
        self._scopes, self._send = (*scopes, "role:mayor"), ask
        self._system = system
        self._prefix, self._gates = prefix, gates
        self._serialising = serialising or SerialisingFiles()
        self._where: Any = {"rig": rig.id, "convoy": refs.convoy}
        self._objects = objects
        self._sessions = Sessions(objects, refs.mayor, clock)
        self._library = Library(objects, base, clock, secrets)
        self._ground: Ground | None = None
        self._session: Session | None = None
        self._talk = self._begun(Session())
        self._outputs = RecentOutputs()
        self._busy = asyncio.Lock()
        self.changing = changing or asyncio.Lock()
        """Held while the plan changes."""
        self.stopped_by = ""
        """Why the last command ended with `limit` or `refused`, for the user."""

    async def say(self, text: str) -> MayorOutcome:
        """The user says something; where a question is open, that answers it.

        Raises:
            Refused: there is nothing to say, or too much.
            TripwirePulled, StoreError, GitError: nothing can go on.
        """
        async with self._busy:
            await self._open()
            await self._hear(text, self._open_item())
            return await self._run()

    async def answer(self, text: str) -> MayorOutcome:
        """The user answers what the Mayor asked, or lets it try again.

        Raises:
            Refused: the Mayor asked nothing, or there is nothing to say, or too much.
            TripwirePulled, StoreError, GitError: nothing can go on.
        """
        async with self._busy:
            session = await self._open()
            item = self._open_item() or (session.entries[-1].item if session.entries else "")
            if not item:
                raise Refused("The Mayor asks nothing.", safe="Nothing was sent.")
            await self._hear(text, item)
            return await self._run()

    async def go_on(self) -> MayorOutcome | None:
        """After a start: tells what a stop left untold and repeats the turn in flight, if there was one.

        Raises:
            TripwirePulled, StoreError, GitError: nothing can go on.
        """
        async with self._busy:
            session = await self._open()
            if not session.entries:
                return None
            last = session.entries[-1]
            if last.rest:
                given = self._bus.state.answers.get(last.item) if last.item else None
                if given is None:
                    return None
                await self._hear(given, last.item)
            elif item := self._open_item():
                await self._bus.publish(ev.NeedAnswered(**self._where, item=item, answer="Tried again."))
            return await self._run()

    async def turns(self) -> tuple[SpokenTurn, ...]:
        """The whole talk for the window: what was said, done and answered, what it cost.

        What the user said is in `told` of a turn without text; a replay finds the same in the projection.
        """
        session = self._session or await self._sessions.load()
        return tuple(spoken(entry) for entry in session.entries)

    async def messages(self) -> tuple[Mapping[str, Any], ...]:
        """The talk as the model would be sent it next."""
        return self._begun(self._session or await self._sessions.load()).messages

    # --- what was said ----------------------------------------------------------------------------

    async def _open(self) -> Session:
        """The session, read back on first use; whatever a stop left untold is told."""
        if self._session is None:
            self._session = await self._sessions.load()
            self._talk = self._begun(self._session)
            self._outputs = RecentOutputs()
            for entry in self._session.entries:
                if entry.who == "mayor":
                    self._outputs.saw(entry.output_tokens)
        if self._session.entries:
            await self._tell(self._session.entries[-1])
        return self._session

    def _begun(self, session: Session) -> Talk:
        return Talk(
            self._system,
            DEFINITIONS,
            session.entries,
            looking=LOOKING_NAMES,
            clear_at=clear_at(self._price),
        )

    async def _write_preamble(self) -> Oid:
        """Keeps what every request of the talk begins with."""
        preamble = Preamble(
            model=self._model, system=self._system, tools=DEFINITIONS, clear_at=clear_at(self._price)
        )
        return await write_preamble(self._objects, preamble)

    def _open_item(self) -> str:
        """The Mayor's item in Needs you; empty when there is none."""
        return next((item for item in self._bus.state.needs_you if item.startswith(MAYOR_ITEMS)), "")

    async def _hear(self, text: str, item: str) -> None:
        """Takes down what the user says, then tells it."""
        words = plain_text(text)
        if not words:
            raise Refused("There is nothing to say.", safe="Nothing was sent.")
        if len(words) > LONGEST_WORDS:
            raise Refused(
                f"That is {len(words):,} characters; at most {LONGEST_WORDS:,} can be said at once.",
                safe="Nothing was sent.",
            )
        plan = Plan.of(self._bus.state)
        changed = _name_of(plan) != self._known_plan() and bool(plan.beads)
        told = f"The plan was changed meanwhile. It is now:\n{plan_text(plan)}" if changed else ""
        heard = self._entry("you", text=words, answers=item, told=told, plan=_name_of(plan))
        await self._record(heard)

    def _known_plan(self) -> str:
        """Names the plan that the model knows."""
        return self._entries[-1].plan if self._entries else ""

    def _entry(self, who: Literal["you", "mayor"], **fields: Any) -> Entry:
        return Entry(number=len(self._entries) + 1, at=self._clock.now().isoformat(), who=who, **fields)

    async def _record(self, entry: Entry) -> None:
        """Keeps what was said, then tells it: the reference first, the events after it."""
        session, self._session = self._session or Session(), None  # read back where this is cut short
        self._session = await self._sessions.record(session, entry)
        self._talk.add(entry)
        await self._tell(entry)

    async def _tell(self, entry: Entry) -> None:
        events = events_of(entry, self._bus.state, self._where)
        if events:
            await self._bus.publish(*events)

    # --- turns ------------------------------------------------------------------------------------

    async def _run(self) -> MayorOutcome:
        """Turns until the talk rests."""
        self.stopped_by = ""
        try:
            while True:
                entry = await self._turn()
                if entry.rest:
                    self.stopped_by = entry.why
                    return entry.rest
        except CapReached as reached:
            self.stopped_by = reached.whole
            return "limit"
        except ModelError as error:
            await self._complain(error)
            return "refused"
        finally:
            self._act("")

    async def _complain(self, error: ModelError) -> None:
        """Puts to the user that the model could not be used; the turn can be repeated."""
        self.stopped_by = f"The model could not be used: {error}"
        item = f"{MODEL_ITEM}{len(self._entries) + 1}"
        if item not in self._bus.state.needs_you:
            need = ev.NeedsYou(**self._where, item=item, about="model", text=self.stopped_by)
            await self._bus.publish(need)

    async def _turn(self) -> Entry:
        reply = await self._reply()
        began = self._clock.monotonic()
        async with self.changing:
            entry = await self._took(reply)
            if not entry.rest and len(replies.since_said(self._entries)) + 1 >= MOST_TURNS:
                why = f"The Mayor worked for {MOST_TURNS} turns without coming to an end; say how to go on."
                entry = replace(entry, rest="limit", why=why)
            entry = replace(entry, tool_s=round(self._clock.monotonic() - began, 3))
            await self._record(entry)
        return entry

    async def _reply(self) -> Reply:
        self._act("Thinking")
        return await ask_whole(lambda most, _: self._send(self._order(most), self._show_text), self._outputs)

    def _order(self, max_tokens: int) -> Order:
        return Order(
            request=self._talk.request(self._model, max_tokens),
            price=self._price,
            prompt_bound=self._talk.prompt_bound(),
            scopes=self._scopes,
            what=f"Mayor turn {len(self._entries) + 1}",
            urgency=URGENCY_PLAN,
        )

    async def _took(self, reply: Reply) -> Entry:
        """What a reply comes to: its tools run, and how the talk goes on or rests."""
        plan = Plan.of(self._bus.state)
        entry = self._entry(
            "mayor",
            assistant=list(reply.content),
            stop_reason=reply.stop_reason,
            cost=reply.cost,
            request_id=reply.request_id,
            prompt_tokens=reply.usage.prompt_tokens,
            output_tokens=reply.usage.output_tokens,
            plan=_name_of(plan),
            preamble=await self._write_preamble(),
        )
        if reply.stop_reason == "refusal":
            return replies.refused(entry)
        if reply.stop_reason in replies.CUT:
            entry = replies.cut(entry, self._entries[-1])
        elif replies.calls_of(entry):
            entry, plan = await self._worked(entry, plan)
        elif reply.stop_reason != "pause_turn":
            entry = replies.ended(entry, replies.since_asked(self._entries), has_beads=bool(plan.beads))
        is_full = reply.usage.prompt_tokens > full_at(self._price)
        if is_full or reply.stop_reason == replies.WINDOW_EXCEEDED:
            return replace(entry, fresh=replies.fresh_start((*self._entries, entry), plan_text(plan)))
        return entry

    async def _worked(self, entry: Entry, plan: Plan) -> tuple[Entry, Plan]:
        """The reply with what its tools answered, and what they make of the plan."""
        desk = Desk(
            plan=plan,
            ground=await self._ground_of_base(),
            library=self._library,
            gates=self._gates,
            prefix=self._prefix,
            turn=entry.number,
        )
        results = [await self._answered(block, desk) for block in replies.calls_of(entry)]
        worked = replace(
            entry,
            results=results,
            facts=fact_lines(facts_between(plan, desk.plan), self._clock.now()),
            shown=desk.shown,
            question=desk.question,
            rest="asked" if desk.question is not None else "",
            plan=_name_of(desk.plan),
        )
        return worked, desk.plan

    async def _ground_of_base(self) -> Ground:
        if self._ground is None:
            paths = frozenset(await self._library.entries())
            self._ground = Ground(paths=paths, serialising=self._serialising)
        return self._ground

    async def _answered(self, block: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
        desk.call += 1
        if desk.question is not None:
            return tool_result(block, "Not done: nothing comes after a question.", refused=True)
        self._act(action_of(block["name"], block["input"]))
        try:
            text, refused = await call(block["name"], block["input"], desk), False
        except ToolRefused as refusal:
            text, refused = str(refusal), True
        return tool_result(block, self._secrets.masked(text), refused=refused)

    @property
    def _entries(self) -> tuple[Entry, ...]:
        return self._session.entries if self._session else ()

    def _act(self, action: str) -> None:
        self._bus.show(ev.ActionChanged(rig=self._where["rig"], polecat=MAYOR, action=action))

    def _show_text(self, text: str) -> None:
        self._bus.show(ev.TextStreamed(rig=self._where["rig"], polecat=MAYOR, text=text))


def _name_of(plan: Plan) -> str:
    """Names what a plan says."""
    return sha256(plan_text(plan).encode("utf-8", "replace")).hexdigest()[:16]
