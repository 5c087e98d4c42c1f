"""A polecat: one worker on one bead. Build context → reserve → stream → run tools → snapshot → repeat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar

from gastown_desktop.core import events as ev
from gastown_desktop.core.card import WAITS_FOR_ROOM
from gastown_desktop.core.context import clear_at, full_at
from gastown_desktop.core.errors import (
    CapReached,
    DiskLow,
    ModelError,
    ProviderClosed,
    SetupFailed,
    ToolRefused,
)
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.money import NanoUsd, show_usd
from gastown_desktop.core.prices import MAX_TOKENS_CEILING
from gastown_desktop.engine.asking import ask_patiently, ask_whole
from gastown_desktop.engine.circles import TOWN_SAYS, fresh_start, measure
from gastown_desktop.engine.conversation import Conversation, tool_result
from gastown_desktop.engine.git_ports import Slot
from gastown_desktop.engine.holding import BY_YOU
from gastown_desktop.engine.hooks import Hook, Turn
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.messages import as_said, delivered_events, hear
from gastown_desktop.engine.preambles import Preamble, write_preamble
from gastown_desktop.engine.reply import Reply
from gastown_desktop.engine.setting_up import SETUP_SAID
from gastown_desktop.engine.spend_gate import URGENCY_CLOSING, URGENCY_DONE, URGENCY_WORK, Order
from gastown_desktop.engine.submission import catch_up, commit_submission, handed_by
from gastown_desktop.engine.telling import last_call, submitted_event, turn_event
from gastown_desktop.engine.tools.ask import question_of
from gastown_desktop.engine.tools.toolbox import DEFINITIONS, action_of, call
from gastown_desktop.engine.tools.workbench import Question, Submission, Workbench, text_of

MOST_TURNS = 60
"""Turns after which a bead asks: it is too large, or its worker goes in circles."""
CAP_ANSWERS = ("Let it have as much again",)
"""What can be answered about a bead that met its own cap; discarding it is a command."""
_CUT = frozenset({"max_tokens", "model_context_window_exceeded"})
CUT_WORDS = (
    f"{TOWN_SAYS}your reply was cut at {MAX_TOKENS_CEILING} tokens, and none of its calls was run. "
    "Go on in smaller steps: several edits, or a file in parts."
)
"""What a worker hears whose reply was too long even at the highest limit."""
_ABOUT_THIS_REQUEST = frozenset({400, 413, 422})
"""Statuses that say nothing about other requests: the bead asks, the fleet goes on."""

Outcome = Literal["submitted", "asked", "limit", "provider", "disk", "setup", "held", "stuck", "failed"]
"""`limit`, `provider`, `disk` and `setup` leave the bead on its hook: it goes on when that is mended."""


_T = TypeVar("_T")


class _HeldByUser(Exception):
    """The user holds the bead back."""


class _SentAway(Exception):
    """It waits for merges that nobody makes for now."""


class Polecat:
    """One worker on one bead, from its hook to a submission."""

    def __init__(self, kit: Kit, hook: Hook) -> None:
        """Takes the bead that hangs on `hook`, at its first turn or a later one."""
        self._kit = kit
        self._hook = hook
        self._name = hook.assignment.polecat
        self._bead = kit.bus.state.beads[hook.assignment.bead].bead
        self._for = handed_by(kit, self._bead.id).bead
        self._bead_scope = f"bead:{self._for}"
        self._price = kit.price(hook.assignment.model)
        self._conversation = self._begun()
        self._commit: Oid | None = None
        self._preamble: Oid | None = None
        self._does = ""
        self._short_of: tuple[str, NanoUsd | None] = ("", None)
        """The scope that left no room, and its cap then."""

    async def work(self) -> Outcome:
        """Works until the bead is submitted, asks, or cannot go on.

        Raises:
            TripwirePulled, StoreError, GitError: the fleet cannot go on.
        """
        if (outcome := await self._finish_last_turn()) is not None:
            return outcome
        with self._kit.first.at_work(self._bead.id):
            return await self._work_in_slot()

    async def _work_in_slot(self) -> Outcome:
        kit = self._kit
        if (told := await hear(kit, self._hook)) is not self._hook:
            self._hook = told
            self._conversation = self._begun()
        try:
            slot = await self._prepared()
        except SetupFailed as failed:
            kit.setup_failed = str(failed)
            await self._become("paused", f"setup: {str(failed).partition(SETUP_SAID)[0]}")
            return "setup"
        if self._hook.wip is not None:
            await kit.slots.reset(slot, self._hook.wip)
        bench = self._workbench(slot)
        try:
            outcome = await self._at_work(slot, bench)
        finally:
            await bench.close()
        return "held" if outcome == "limit" and self._cap_moved() else outcome

    async def _prepared(self) -> Slot:
        kit = self._kit
        if kit.sets_up:
            self._act("Preparing its copy")
        kit.preparing.add(self._name)
        try:
            return await kit.slots.prepare(self._name, self._hook.assignment.base)
        finally:
            kit.preparing.discard(self._name)

    async def _at_work(self, slot: Slot, bench: Workbench) -> Outcome:
        self._preamble = await self._write_preamble()
        try:
            await self._become("working")
            return await self._turns(slot, bench)
        except CapReached as reached:
            if reached.scope == self._bead_scope:
                return await self._meet_own_cap()
            self._short_of = (reached.scope, self._kit.gate.ledger.totals(reached.scope).cap)
            await self._become("paused", f"budget: {reached}")
            return "limit"
        except _HeldByUser:
            await self._become("paused", BY_YOU)
            return "held"
        except _SentAway:
            await self._become("paused", "waiting: nothing more is merged for now")
            return "held"
        except ProviderClosed as closed:
            await self._become("paused", f"provider: {closed}")
            return "provider"
        except DiskLow as low:
            await self._become("paused", f"disk: {low}")
            return "disk"
        except ModelError as error:
            if error.status in _ABOUT_THIS_REQUEST:
                return await self._get_stuck(f"The provider does not take its request: {error}")
            await self._become("failed", str(error))
            await self._need("model", f"The model could not be used: {error}")
            await self._kit.hooks.give_up(self._hook)
            return "failed"

    def _cap_moved(self) -> bool:
        """Whether the cap that it met was set anew while it stopped, so that it only stands still."""
        scope, cap = self._short_of
        return self._kit.gate.ledger.totals(scope).cap != cap

    def _begun(self) -> Conversation:
        """The conversation as the hook has it."""
        assignment = self._hook.assignment
        return Conversation(
            self._kit.system,
            assignment.task,
            self._hook.turns,
            assignment.said,
            clear_at=clear_at(self._price, self._kit.window),
        )

    async def _write_preamble(self) -> Oid:
        """Keeps what every request of this worker begins with."""
        preamble = Preamble(
            model=self._hook.assignment.model,
            system=self._kit.system,
            tools=DEFINITIONS,
            thinks=self._kit.thinks,
            clear_at=clear_at(self._price, self._kit.window),
        )
        return await write_preamble(self._kit.objects, preamble)

    async def _finish_last_turn(self) -> Outcome | None:
        """Hands in or asks what the last recorded turn did, where the process stopped in between."""
        if not self._own_turns:
            return None
        given = last_call(self._hook.turns, "submit")
        if given is not None:
            self._commit = await self._kit.objects.read_ref(self._hook.assignment.branch)
            await self._hand_in(Submission(text_of(given, "summary"), ()))
            return "submitted"
        given = last_call(self._hook.turns, "ask")
        return None if given is None else await self._put(question_of(given))

    async def _put(self, question: Question) -> Outcome:
        """Puts a question to the user; the bead leaves the hook until it is answered."""
        await self._need("question", question.text, options=question.options, default=question.default)
        await self._kit.hooks.give_up(self._hook)
        return "asked"

    async def _turns(self, slot: Slot, bench: Workbench) -> Outcome:
        while len(self._own_turns) < MOST_TURNS:
            self._heed_user()
            reply = await self._ask()
            if reply.stop_reason == "refusal":
                return await self._get_stuck(_refused_words(reply))
            if reply.stop_reason in _CUT:
                reply = _without_calls(reply)
            began = self._kit.clock.monotonic()
            results = await self._run_tools(reply, bench)
            tool_s = round(self._kit.clock.monotonic() - began, 3)
            await self._record(slot, bench, reply, results, tool_s)
            if bench.submission is not None:
                await self._hand_in(bench.submission)
                return "submitted"
            if bench.question is not None:
                return await self._put(bench.question)
            if self._hook.turns[-1].measure == "ask":
                return await self._get_stuck(self._hook.turns[-1].between)
        return await self._get_stuck(f"{self._name} made no submission in {MOST_TURNS} turns.")

    async def _get_stuck(self, reason: str) -> Outcome:
        """Asks the user about this bead alone; the others go on."""
        await self._become("stuck", reason)
        await self._need("stuck", reason)
        await self._kit.hooks.give_up(self._hook)
        return "stuck"

    async def _meet_own_cap(self) -> Outcome:
        """The bead's own cap leaves no room: the user is asked about it alone."""
        cap = self._kit.gate.ledger.totals(self._bead_scope).cap or 0
        text = f"It has used up its own limit of {show_usd(cap)}. Its work so far is kept."
        await self._become("paused", "budget: the bead's own limit")
        await self._need("cap", text, options=CAP_ANSWERS, default=None)
        await self._kit.hooks.give_up(self._hook)
        return "stuck"

    async def _ask(self) -> Reply:
        kit = self._kit
        if not kit.warm.is_set():
            await self._rest(kit.warm.wait(), "Waiting while the cache is warmed")
        if kit.before_asking is not None:
            await self._wait_for_others(kit.before_asking)
        while not kit.first.may_ask(self._bead.id):
            await self._rest(kit.first.until_it_may(self._bead.id), WAITS_FOR_ROOM)
        self._act("Thinking")
        return await ask_whole(self._ask_patiently, self._kit.outputs)

    async def _wait_for_others(self, ready: Callable[[Mapping[str, Any]], Coroutine[Any, Any, bool]]) -> None:
        """Waits until what it needs of others is merged.

        Raises:
            _SentAway: nothing more is merged for now.
        """
        body = {"messages": self._conversation.request(self._hook.assignment.model, 1).messages}
        may_ask: bool | None = None
        while may_ask is None:
            may_ask = await self._rest(ready(body), "Thinking")
        if not may_ask:
            raise _SentAway

    async def _ask_patiently(self, max_tokens: int, tight: int | None) -> Reply:
        assignment = self._hook.assignment
        order = Order(
            request=self._conversation.request(assignment.model, max_tokens, thinks=self._kit.thinks),
            price=self._price,
            prompt_bound=self._conversation.prompt_bound(),
            scopes=(*self._kit.scopes, self._bead_scope, f"polecat:{self._name}"),
            what=f"{self._bead.id} {self._name} turn {len(self._hook.turns) + 1}",
            closing=self._bead.kind == "resolve",
            tight_max_tokens=tight,
            urgency=self._urgency(),
        )
        kit = self._kit
        return await ask_patiently(
            kit.gate, kit.line, kit.clock, order, on_text=self._show_text, rest=self._rest
        )

    def _urgency(self) -> int:
        """Resolvers first, then who comes back with work that was handed in before."""
        if self._bead.kind == "resolve":
            return URGENCY_CLOSING
        return URGENCY_DONE if self._kit.bus.state.beads[self._bead.id].merge else URGENCY_WORK

    async def _rest(self, waiting: Coroutine[Any, Any, _T], why: str) -> _T | None:
        """Waits; None where the user held the bead for a moment, which ended it.

        Raises:
            _HeldByUser: the user holds the bead meanwhile.
        """
        if why != self._does:
            self._act(why)
        async with asyncio.TaskGroup() as group:
            resting = group.create_task(waiting)
            held = group.create_task(self._kit.holding.until_held(self._bead))
            await asyncio.wait({resting, held}, return_when=asyncio.FIRST_COMPLETED)
            resting.cancel()
            held.cancel()
        self._heed_user()
        return None if resting.cancelled() else resting.result()

    def _heed_user(self) -> None:
        if self._kit.holding.holds(self._bead):
            raise _HeldByUser

    async def _run_tools(self, reply: Reply, bench: Workbench) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = []
        for block in reply.content:
            if block["type"] != "tool_use":
                continue
            if bench.submission is not None or bench.question is not None:
                results.append(tool_result(block, "Not done: nothing comes after this.", refused=True))
                continue
            self._act(self._kit.secrets.masked(action_of(block["name"], block["input"])))
            try:
                text, refused = await call(block["name"], block["input"], bench), False
            except ToolRefused as refusal:
                text, refused = str(refusal), True
            results.append(tool_result(block, self._kit.secrets.masked(text), refused=refused))
        return results

    async def _record(
        self, slot: Slot, bench: Workbench, reply: Reply, results: list[dict[str, Any]], tool_s: float
    ) -> None:
        kit = self._kit
        async with bench.still():
            snapshot = await kit.slots.snapshot(slot)
        turn = Turn(
            number=len(self._hook.turns) + 1,
            at=kit.clock.now().isoformat(),
            tree=snapshot.tree,
            cost=reply.cost,
            request_id=reply.request_id,
            prompt_tokens=reply.usage.prompt_tokens,
            output_tokens=reply.usage.output_tokens,
            assistant=[self._kept(block) for block in reply.content],
            results=results,
            steps=list(bench.steps),
            notes=list(bench.notes),
            tool_s=tool_s,
            preamble=self._preamble,
        )
        if bench.submission is None and bench.question is None:
            turn = await self._measured(turn, reply.stop_reason)
        self._hook = await kit.hooks.record(self._hook, turn)
        self._conversation.add(turn)
        told = await turn_event(kit, self._hook.assignment, turn, self._hook.head)
        await kit.bus.publish(told, *delivered_events(kit, self._bead.id, turn.heard, turn.number))

    def _kept(self, block: dict[str, Any]) -> dict[str, Any]:
        """A block of a reply as the record has it: words without secrets, thinking and calls as they are."""
        if block["type"] != "text":
            return block
        return {**block, "text": self._kit.secrets.masked(block["text"])}

    async def _measured(self, turn: Turn, stop_reason: str) -> Turn:
        """The turn with what is done about a worker in circles or a full context, and with what it hears."""
        done, told = measure((*self._own_turns, turn))
        if stop_reason == "max_tokens":
            told = f"{CUT_WORDS}\n\n{told}".rstrip()
        full = turn.prompt_tokens > full_at(self._price, self._kit.window)
        if done == "go_on" and (full or stop_reason == "model_context_window_exceeded"):
            done, told = "room", "The conversation became too long."
        if done != "ask" and self._bead.id in self._kit.holding.afresh:
            self._kit.holding.afresh.discard(self._bead.id)
            done, told = "room", "The user wants you to look at it afresh."
        unheard = [] if done == "ask" else self._kit.bus.state.unheard(self._bead.id)
        if done in {"fresh", "room"}:
            base = await self._kit.objects.tree_of(self._hook.assignment.base)
            changed = [change.path for change in await self._kit.objects.diff_trees(base, turn.tree)]
            known = self._kit.bus.state.messages
            heard = [known[one] for past in self._hook.turns for one in past.heard if one in known]
            messages = as_said([*heard, *unheard])
            told = fresh_start(self._hook.assignment, turn, told, changed, messages)
        elif unheard:
            told = f"{told}\n\n{as_said(unheard)}".lstrip()
        return replace(turn, measure=done, between=told, heard=tuple(one.id for one in unheard))

    def _workbench(self, slot: Slot) -> Workbench:
        async def accept(submission: Submission) -> None:
            async with bench.still():
                self._hook = await catch_up(self._kit, self._hook, slot)
                self._commit = await commit_submission(
                    self._kit, self._hook, submission, slot, bench.confinement
                )

        last = self._hook.turns[-1] if self._hook.turns else None
        bench = Workbench(
            polecat=self._name,
            bead=self._bead.id,
            files=self._kit.files(slot),
            sandbox=self._kit.sandbox,
            confinement=self._kit.confinement(slot),
            accept=accept,
            read_paths=_paths_read(self._own_turns),
            steps=list(last.steps) if last else [],
            notes=list(last.notes) if last else [],
        )
        return bench

    async def _hand_in(self, submission: Submission) -> None:
        if self._commit is None:
            raise AssertionError("an accepted submission is committed")
        self._hook = await self._kit.hooks.mark_submitted(self._hook, self._commit)
        await self._kit.bus.publish(await submitted_event(self._kit, self._hook, submission.summary))

    async def _need(
        self, about: str, text: str, *, options: tuple[str, ...] = (), default: str | None = None
    ) -> None:
        await self._kit.bus.publish(
            ev.NeedsYou(
                **self._kit.where,
                item=f"{self._bead.id}:{about}:{self._hook.assignment.epoch}",
                about=about,
                text=self._kit.secrets.masked(text),
                bead=self._bead.id,
                options=tuple(map(self._kit.secrets.masked, options)),
                default=default and self._kit.secrets.masked(default),
            )
        )

    @property
    def _own_turns(self) -> tuple[Turn, ...]:
        """Turns of this attempt."""
        return self._hook.turns[self._hook.assignment.carried :]

    async def _become(self, state: str, reason: str = "") -> None:
        reason = self._kit.secrets.masked(reason)
        event = ev.PolecatStateChanged(**self._kit.where, polecat=self._name, state=state, reason=reason)
        await self._kit.bus.publish(event)

    def _act(self, action: str) -> None:
        self._does = action
        self._kit.bus.show(ev.ActionChanged(rig=self._kit.rig.id, polecat=self._name, action=action))

    def _show_text(self, text: str) -> None:
        self._kit.bus.show(ev.TextStreamed(rig=self._kit.rig.id, polecat=self._name, text=text))


def _without_calls(reply: Reply) -> Reply:
    """What a reply that was cut said; its calls may not be whole, and its thinking belongs to them."""
    return replace(reply, content=tuple(block for block in reply.content if block["type"] == "text"))


def _refused_words(reply: Reply) -> str:
    why = f": {reply.refusal}" if reply.refusal else "."
    return f"The model refused (refusal){why}"


def _paths_read(turns: tuple[Turn, ...]) -> set[str]:
    """Files that were read or written in earlier turns, from what the model called."""
    calls = [block for turn in turns for block in turn.assistant if block["type"] == "tool_use"]
    paths = [block["input"].get("path") for block in calls if block["name"] in {"read", "write"}]
    return {path for path in paths if isinstance(path, str)}
