"""A polecat: one worker on one bead. Build context → reserve → stream → run tools → snapshot → repeat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import CapReached, ModelError, ToolRefused
from gastown_desktop.core.ids import BeadId, Oid, merge_id
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.core.prices import MAX_TOKENS_CEILING, Price, adaptive_max_tokens
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.conversation import Conversation, task_text, tool_result
from gastown_desktop.engine.crash_points import crash_point
from gastown_desktop.engine.hooks import Assignment, Hook, Hooks, Turn
from gastown_desktop.engine.ports import (
    Clock,
    Confinement,
    GitObjects,
    Sandbox,
    Signature,
    Slot,
    SlotFiles,
    Slots,
)
from gastown_desktop.engine.rig import RefNames, Rig
from gastown_desktop.engine.spend_gate import Order, RecentOutputs, Reply, SpendGate
from gastown_desktop.engine.tools.ask import question_of
from gastown_desktop.engine.tools.toolbox import action_of, call
from gastown_desktop.engine.tools.workbench import Question, Submission, Workbench, text_of
from gastown_desktop.engine.waiting import Waiting

MOST_TURNS = 60
"""Turns after which a bead asks: it is too large, or its worker goes in circles."""
_ATTEMPTS = 5
_EVIDENCE_S = 600.0
_MOST_BEHIND = 200
"""Commits that may be merged while a bead is at work; then it starts again from what they made."""

Outcome = Literal["submitted", "asked", "limit", "stuck", "failed"]


async def keep_tree(bead: BeadId, base: Oid, tree: Oid) -> Oid:
    """The ordinary way to finish a tree: as it is."""
    del bead, base
    return tree


@dataclass(slots=True, kw_only=True)
class Kit:
    """What all polecats of a convoy share."""

    rig: Rig
    refs: RefNames
    bus: Bus
    gate: SpendGate
    hooks: Hooks
    slots: Slots
    objects: GitObjects
    sandbox: Sandbox
    confinement: Callable[[Slot], Confinement]
    files: Callable[[Slot], SlotFiles]
    clock: Clock
    system: str
    """The fleet's static instructions."""
    price: Price
    scopes: tuple[str, ...]
    """Ledger scopes of every request of this convoy."""
    finish_tree: Callable[[BeadId, Oid, Oid], Awaitable[Oid]] = keep_tree
    """Last touch to a tree before it is committed: (bead, base commit, tree) → tree."""
    outputs: RecentOutputs = field(default_factory=RecentOutputs)
    waiting: Waiting = field(default_factory=Waiting)


class Polecat:
    """One worker on one bead, from its hook to a submission."""

    def __init__(self, kit: Kit, hook: Hook) -> None:
        """Takes the bead that hangs on `hook`, at its first turn or a later one."""
        self._kit = kit
        self._hook = hook
        self._name = hook.assignment.polecat
        self._bead = kit.bus.state.beads[hook.assignment.bead].bead
        task = task_text(self._bead, hook.assignment, hook.assignment.remark)
        self._conversation = Conversation(kit.system, task, hook.turns)
        self._commit: Oid | None = None

    async def work(self) -> Outcome:
        """Works until the bead is submitted, asks, or cannot go on.

        Raises:
            TripwirePulled, StoreError, GitError: the fleet cannot go on.
        """
        kit = self._kit
        if (outcome := await self._finish_last_turn()) is not None:
            return outcome
        slot = await kit.slots.prepare(self._name, self._hook.assignment.base)
        if self._hook.wip is not None:
            await kit.slots.reset(slot, self._hook.wip)
        bench = self._workbench(slot)
        try:
            await self._become("working")
            return await self._turns(slot, bench)
        except CapReached as reached:
            await self._become("paused", f"budget: {reached}")
            return "limit"
        except ModelError as error:
            await self._become("failed", str(error))
            await self._need("model", f"The model could not be used: {error}")
            return "failed"
        finally:
            await bench.close()

    async def _finish_last_turn(self) -> Outcome | None:
        """Hands in or asks what the last recorded turn did, where the process stopped in between."""
        given = _last_successful(self._hook.turns, "submit")
        if given is not None:
            self._commit = await self._kit.objects.read_ref(self._hook.assignment.branch)
            await self._hand_in(Submission(text_of(given, "summary"), ()))
            return "submitted"
        given = _last_successful(self._hook.turns, "ask")
        return None if given is None else await self._put(question_of(given))

    async def _put(self, question: Question) -> Outcome:
        """Puts a question to the user; the bead leaves the hook until it is answered."""
        await self._need("question", question.text, options=question.options, default=question.default)
        await self._kit.hooks.give_up(self._hook)
        return "asked"

    async def _turns(self, slot: Slot, bench: Workbench) -> Outcome:
        while len(self._hook.turns) < MOST_TURNS:
            reply = await self._ask()
            if reply.stop_reason in {"max_tokens", "refusal"}:
                return await self._get_stuck(f"The model's reply ended with {reply.stop_reason}.")
            results = await self._run_tools(reply, bench)
            await self._record(slot, bench, reply, results)
            if bench.submission is not None:
                await self._hand_in(bench.submission)
                return "submitted"
            if bench.question is not None:
                return await self._put(bench.question)
        return await self._get_stuck(f"{self._name} made no submission in {MOST_TURNS} turns.")

    async def _get_stuck(self, reason: str) -> Outcome:
        """Asks the user about this bead alone; the others go on."""
        await self._become("stuck", reason)
        await self._need("stuck", reason)
        await self._kit.hooks.give_up(self._hook)
        return "stuck"

    async def _ask(self) -> Reply:
        """One reply; a reply that was cut by max_tokens is asked for once more with the highest limit."""
        self._act("Thinking")
        reply = await self._ask_patiently(adaptive_max_tokens(self._kit.outputs.sizes))
        if reply.stop_reason == "max_tokens":
            cut, reply = reply, await self._ask_patiently(MAX_TOKENS_CEILING)
            reply = replace(reply, cost=NanoUsd(cut.cost + reply.cost))
        self._kit.outputs.saw(reply.usage.output_tokens)
        return reply

    async def _ask_patiently(self, max_tokens: int) -> Reply:
        assignment = self._hook.assignment
        order = Order(
            request=self._conversation.request(assignment.model, max_tokens),
            price=self._kit.price,
            prompt_bound=self._conversation.prompt_bound(),
            scopes=(*self._kit.scopes, f"bead:{self._bead.id}", f"polecat:{self._name}"),
            what=f"{self._bead.id} {self._name} turn {len(self._hook.turns) + 1}",
        )
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._kit.gate.ask(order, on_text=self._show_text)
            except ModelError as error:
                if error.retry_after is None or attempt == _ATTEMPTS:
                    raise
                self._act(f"Waiting for the provider ({error})")
                await self._kit.clock.sleep(error.retry_after * 2 ** (attempt - 1))
        raise AssertionError("the last attempt returns or raises")

    async def _run_tools(self, reply: Reply, bench: Workbench) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = []
        for block in reply.content:
            if block["type"] != "tool_use":
                continue
            if bench.submission is not None or bench.question is not None:
                results.append(tool_result(block, "Not done: nothing comes after this.", refused=True))
                continue
            self._act(action_of(block["name"], block["input"]))
            try:
                text, refused = await call(block["name"], block["input"], bench), False
            except ToolRefused as refusal:
                text, refused = str(refusal), True
            results.append(tool_result(block, text, refused=refused))
        return results

    async def _record(
        self, slot: Slot, bench: Workbench, reply: Reply, results: list[dict[str, Any]]
    ) -> None:
        kit = self._kit
        snapshot = await kit.slots.snapshot(slot)
        turn = Turn(
            number=len(self._hook.turns) + 1,
            at=kit.clock.now().isoformat(),
            tree=snapshot.tree,
            cost=reply.cost,
            request_id=reply.request_id,
            prompt_tokens=reply.usage.prompt_tokens,
            output_tokens=reply.usage.output_tokens,
            assistant=list(reply.content),
            results=results,
            steps=list(bench.steps),
            notes=list(bench.notes),
        )
        self._hook = await kit.hooks.record(self._hook, turn)
        self._conversation.add(turn)
        await kit.bus.publish(await turn_event(kit, self._hook.assignment, turn, self._hook.head))

    def _workbench(self, slot: Slot) -> Workbench:
        async def accept(submission: Submission) -> None:
            await self._accept(slot, bench, submission)

        last = self._hook.turns[-1] if self._hook.turns else None
        bench = Workbench(
            polecat=self._name,
            bead=self._bead.id,
            files=self._kit.files(slot),
            sandbox=self._kit.sandbox,
            confinement=self._kit.confinement(slot),
            accept=accept,
            read_paths=_paths_read(self._hook.turns),
            steps=list(last.steps) if last else [],
            notes=list(last.notes) if last else [],
        )
        return bench

    async def _accept(self, slot: Slot, bench: Workbench, submission: Submission) -> None:
        """Checks a submission and commits it on the work branch.

        Raises:
            ToolRefused: there is no change, a piece of evidence fails, or the base is too old.
        """
        kit, assignment = self._kit, self._hook.assignment
        snapshot = await kit.slots.snapshot(slot)
        tree = await kit.finish_tree(self._bead.id, assignment.base, snapshot.tree)
        if tree == await kit.objects.tree_of(assignment.base):
            raise ToolRefused("There is no change to submit.")
        await self._refuse_if_far_behind()
        for command in submission.evidence:
            await self._prove(command, bench)
        now = kit.clock.now()
        author = Signature(f"{self._name} (polecat)", kit.rig.user_email, now)
        committer = Signature(kit.rig.user_name, kit.rig.user_email, now)
        commit = await kit.objects.write_commit(
            tree, (assignment.base,), self._message(submission), author, committer
        )
        crash_point("submit-before")
        old = await kit.objects.read_ref(assignment.branch)
        if not await kit.objects.swap_ref(assignment.branch, old=old, new=commit):
            raise ToolRefused("The work branch moved meanwhile; submit again.")
        crash_point("submit-after")
        self._commit = commit

    async def _refuse_if_far_behind(self) -> None:
        kit, base = self._kit, self._hook.assignment.base
        tip = await kit.objects.read_ref(kit.refs.convoy_branch)
        if tip is None or tip == base:
            return
        newest = await kit.objects.first_parents(tip, _MOST_BEHIND + 1)
        if len(newest) > _MOST_BEHIND and all(commit.oid != base for commit in newest):
            raise ToolRefused(
                f"More than {_MOST_BEHIND} commits were merged since your copy was made. "
                "Ask for this bead to be started again."
            )

    async def _prove(self, command: str, bench: Workbench) -> None:
        """Runs a piece of evidence again."""
        result = await self._kit.sandbox.run(command, bench.confinement, timeout_s=_EVIDENCE_S)
        if result.exit_code == 0 and not result.timed_out:
            return
        how = f"ended with {result.exit_code}" if not result.timed_out else "took too long"
        tail = result.output.decode("utf-8", "replace")[-2_000:]
        raise ToolRefused(f"The evidence `{command}` {how}:\n{tail}")

    def _message(self, submission: Submission) -> str:
        assignment = self._hook.assignment
        trailers = {
            "Gastown-Bead": self._bead.id,
            "Gastown-Convoy": self._kit.refs.convoy,
            "Gastown-Polecat": self._name,
            "Gastown-Model": assignment.model,
            "Gastown-Cost": str(sum(turn.cost for turn in self._hook.turns)),
            "Gastown-Transcript": self._hook.head,
        }
        lines = "\n".join(f"{name}: {value}" for name, value in trailers.items())
        return f"{self._bead.title}\n\n{submission.summary}\n\n{lines}\n"

    async def _hand_in(self, submission: Submission) -> None:
        if self._commit is None:
            raise AssertionError("an accepted submission is committed")
        self._hook = await self._kit.hooks.mark_submitted(self._hook, self._commit)
        await self._kit.bus.publish(submitted_event(self._kit, self._hook, submission.summary))

    async def _need(
        self, about: str, text: str, *, options: tuple[str, ...] = (), default: str | None = None
    ) -> None:
        await self._kit.bus.publish(
            ev.NeedsYou(
                **self._where(),
                item=f"{self._bead.id}:{about}:{self._hook.assignment.epoch}",
                about=about,
                text=text,
                bead=self._bead.id,
                options=options,
                default=default,
            )
        )

    async def _become(self, state: str, reason: str = "") -> None:
        event = ev.PolecatStateChanged(**self._where(), polecat=self._name, state=state, reason=reason)
        await self._kit.bus.publish(event)

    def _act(self, action: str) -> None:
        self._kit.bus.show(ev.ActionChanged(rig=self._kit.rig.id, polecat=self._name, action=action))

    def _show_text(self, text: str) -> None:
        self._kit.bus.show(ev.TextStreamed(rig=self._kit.rig.id, polecat=self._name, text=text))

    def _where(self) -> Any:
        return {"rig": self._kit.rig.id, "convoy": self._kit.refs.convoy}


def submitted_event(kit: Kit, hook: Hook, summary: str) -> ev.BeadSubmitted:
    """The event that hands a bead to the Refinery, also for a hook that an earlier process left submitted."""
    assignment = hook.assignment
    if hook.submitted is None:
        raise ValueError("this hook is not submitted")
    attempt = 1 + sum(1 for merge in kit.bus.state.merges.values() if merge.bead == assignment.bead)
    return ev.BeadSubmitted(
        rig=kit.rig.id,
        convoy=kit.refs.convoy,
        bead=assignment.bead,
        polecat=assignment.polecat,
        merge=merge_id(assignment.bead, attempt),
        branch=assignment.branch,
        commit=hook.submitted,
        base=assignment.base,
        summary=summary,
    )


async def turn_event(kit: Kit, assignment: Assignment, turn: Turn, hook: Oid) -> ev.TurnEnded:
    """The event that tells of a turn which the hook commit `hook` holds."""
    changed = await kit.objects.diff_trees(await kit.objects.tree_of(assignment.base), turn.tree)
    return ev.TurnEnded(
        rig=kit.rig.id,
        convoy=kit.refs.convoy,
        polecat=assignment.polecat,
        bead=assignment.bead,
        turn=turn.number,
        hook=hook,
        cost=turn.cost,
        prompt_tokens=turn.prompt_tokens,
        output_tokens=turn.output_tokens,
        tools=tuple(block["name"] for block in turn.assistant if block["type"] == "tool_use"),
        steps_done=sum(1 for _, done in turn.steps if done),
        steps=len(turn.steps),
        files_changed=len(changed),
    )


def summary_of(hook: Hook) -> str:
    """What the worker said when it handed its last turn in; empty when it did not."""
    given = _last_successful(hook.turns, "submit")
    return "" if given is None else text_of(given, "summary")


def _last_successful(turns: tuple[Turn, ...], tool: str) -> dict[str, Any] | None:
    """The input of the last turn's call of a tool, if that was not refused."""
    if not turns:
        return None
    refused = {result["tool_use_id"] for result in turns[-1].results if result.get("is_error")}
    calls = [block for block in turns[-1].assistant if block["type"] == "tool_use"]
    given = [call["input"] for call in calls if call["name"] == tool and call["id"] not in refused]
    return given[-1] if given else None


def _paths_read(turns: tuple[Turn, ...]) -> set[str]:
    """Files that were read or written in earlier turns, from what the model called."""
    calls = [block for turn in turns for block in turn.assistant if block["type"] == "tool_use"]
    paths = [block["input"].get("path") for block in calls if block["name"] in {"read", "write"}]
    return {path for path in paths if isinstance(path, str)}
