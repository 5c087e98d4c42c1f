"""One review: a reviewer reads a merge request and comes to a verdict.

It is not on a hook: it changes nothing, so a review that a stop cut short begins again. What it cost until
then is in the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gastown_desktop.core.context import clear_at
from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.plain_text import plain_text, shown_path
from gastown_desktop.core.projection import MergeView
from gastown_desktop.core.secrets import Secrets
from gastown_desktop.engine.api import FileDiff
from gastown_desktop.engine.asking import ask_patiently, ask_whole
from gastown_desktop.engine.conversation import Conversation, tool_result
from gastown_desktop.engine.file_diffs import MOST_FILES, file_diff
from gastown_desktop.engine.hooks import Turn
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.looking.library import Library
from gastown_desktop.engine.prompts import SystemBlocks
from gastown_desktop.engine.reply import Reply
from gastown_desktop.engine.reviewing.toolbox import DEFINITIONS, ReviewDesk, Verdict, call
from gastown_desktop.engine.spend_gate import URGENCY_CLOSING, Order, RecentOutputs

MOST_TURNS = 12
"""Turns after which a review is over without a verdict."""
LONGEST_DIFF = 60_000
"""Characters of the diff that the first message shows; the rest is read with the tools."""
_END = "End with `approve` or `request_changes`."
_CUT = frozenset({"max_tokens", "model_context_window_exceeded"})


@dataclass(slots=True, kw_only=True)
class Reviewer:
    """The role: who reviews, and with which words."""

    model: str
    system: SystemBlocks
    """Its rules, and what all roles are told of the repository."""
    gates: tuple[str, ...]
    """Commands that have to succeed before a bead lands."""
    outputs: RecentOutputs = field(default_factory=RecentOutputs)


@dataclass(slots=True, kw_only=True)
class Review:
    """One review under way."""

    kit: Kit
    reviewer: Reviewer
    view: MergeView
    cost: int = 0
    """Nano-dollars so far."""
    turns: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0

    async def verdict(self) -> Verdict:
        """Reads until there is a verdict, or there will be none.

        Raises:
            CapReached, ProviderClosed, ModelError, TripwirePulled, StoreError: as `ask_patiently`.
            GitError: the work is not there.
        """
        kit = self.kit
        library = Library(kit.objects, self.view.commit, kit.clock, kit.secrets)
        desk = ReviewDesk(library=library, gates=self.reviewer.gates)
        price = kit.price(self.reviewer.model)
        talk = Conversation(
            self.reviewer.system,
            await _task(kit, self.view),
            tools=DEFINITIONS,
            clear_at=clear_at(price, kit.window),
        )
        while self.turns < MOST_TURNS:
            reply = await ask_whole(lambda most, tight: self._send(talk, most, tight), self.reviewer.outputs)
            self._count(reply)
            if reply.stop_reason == "refusal":
                return Verdict("none", f"The model refused{f': {reply.refusal}' if reply.refusal else '.'}")
            if reply.stop_reason in _CUT:
                return Verdict("none", "The reviewer's reply was too long.")
            results = await _answers(reply, desk, kit.secrets)
            if desk.verdict is not None:
                return desk.verdict
            talk.add(self._turn(reply, results))
        return Verdict("none", f"The reviewer came to no verdict in {MOST_TURNS} turns.")

    async def _send(self, talk: Conversation, most: int, tight: int | None) -> Reply:
        kit, model = self.kit, self.reviewer.model
        order = Order(
            request=talk.request(model, most, thinks=kit.thinks),
            price=kit.price(model),
            prompt_bound=talk.prompt_bound(),
            scopes=(*kit.scopes, f"bead:{self.view.bead}", "role:reviewer"),
            what=f"Review of {self.view.id} turn {self.turns + 1}",
            closing=True,
            tight_max_tokens=tight,
            urgency=URGENCY_CLOSING,
        )
        return await ask_patiently(kit.gate, kit.line, kit.clock, order)

    def _count(self, reply: Reply) -> None:
        self.turns += 1
        self.cost += reply.cost
        self.prompt_tokens += reply.usage.prompt_tokens
        self.output_tokens += reply.usage.output_tokens

    def _turn(self, reply: Reply, results: list[dict[str, Any]]) -> Turn:
        return Turn(
            number=self.turns,
            at=self.kit.clock.now().isoformat(),
            tree=self.view.commit,
            cost=reply.cost,
            request_id=reply.request_id,
            prompt_tokens=reply.usage.prompt_tokens,
            output_tokens=reply.usage.output_tokens,
            assistant=list(reply.content),
            results=results,
            steps=[],
            notes=[],
            between="" if results else _END,
        )


async def _answers(reply: Reply, desk: ReviewDesk, secrets: Secrets) -> list[dict[str, Any]]:
    """Runs the calls of a reply; nothing comes after the verdict."""
    results: list[dict[str, Any]] = []
    for block in reply.content:
        if block["type"] != "tool_use" or desk.verdict is not None:
            continue
        try:
            text, refused = await call(block["name"], block["input"], desk), False
        except ToolRefused as refusal:
            text, refused = str(refusal), True
        results.append(tool_result(block, secrets.masked(text), refused=refused))
    return results


async def _task(kit: Kit, view: MergeView) -> str:
    """The first message: the bead, what was said of the work, and the diff."""
    bead = kit.bus.state.beads[view.bead].bead
    commit = await kit.objects.read_commit(view.commit)
    lines = [f"Bead: {bead.id}", f"Title: {bead.title}"]
    if bead.description:
        lines += ["", bead.description]
    if bead.acceptance:
        lines += ["", f"Done when: {bead.acceptance}"]
    lines += ["", f"What {view.polecat} says of the work:", plain_text(commit.message), ""]
    lines += [*await _diff_lines(kit, view), "", _END]
    return "\n".join(lines)


async def _diff_lines(kit: Kit, view: MergeView) -> list[str]:
    objects = kit.objects
    changes = await objects.diff_trees(*[await objects.tree_of(one) for one in (view.base, view.commit)])
    lines, room, left = [f"The change, {len(changes)} paths against {view.base[:10]}:"], LONGEST_DIFF, 0
    for change in changes[:MOST_FILES]:
        told = _told(await file_diff(objects, change))
        size = sum(len(line) + 1 for line in told)
        if size > room:
            left += 1
            lines.append(f"=== {shown_path(change.path)} (too long to show here; read it)")
            continue
        room -= size
        lines += told
    if left or len(changes) > MOST_FILES:
        lines.append(f"Not shown: {left + max(0, len(changes) - MOST_FILES)} paths.")
    return lines


def _told(diff: FileDiff) -> list[str]:
    """One path as a unified diff has it."""
    lines = [f"=== {shown_path(diff.path)} ({diff.change}, +{diff.added} −{diff.removed})"]
    for hunk in diff.hunks:
        before = next((line.old for line in hunk if line.old is not None), 0)
        after = next((line.new for line in hunk if line.new is not None), 0)
        lines.append(f"@@ -{before} +{after} @@")
        lines += [f"{line.sign}{line.text}" for line in hunk]
    return lines
