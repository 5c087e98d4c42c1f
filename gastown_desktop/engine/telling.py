"""Telling: the events that a hook proves, told as they happen or later by whoever finds them missing."""

from __future__ import annotations

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import Oid, merge_id
from gastown_desktop.engine.hooks import Assignment, Hook, Turn
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.messages import delivered_events
from gastown_desktop.engine.sensitive_changes import sensitive_work
from gastown_desktop.engine.tools.workbench import text_of


def slung_event(kit: Kit, assignment: Assignment) -> ev.BeadSlung:
    """The event that tells of an assignment."""
    return ev.BeadSlung(
        **kit.where,
        bead=assignment.bead,
        polecat=assignment.polecat,
        epoch=assignment.epoch,
        base=assignment.base,
        branch=assignment.branch,
        model=assignment.model,
        turn=assignment.carried,
    )


async def turn_event(kit: Kit, assignment: Assignment, turn: Turn, hook: Oid) -> ev.TurnEnded:
    """The event that tells of a turn which the hook commit `hook` holds."""
    changed = await kit.objects.diff_trees(await kit.objects.tree_of(assignment.base), turn.tree)
    added, removed = await kit.lines.count(kit.objects, changed)
    return ev.TurnEnded(
        **kit.where,
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
        tool_s=turn.tool_s,
        lines_added=added,
        lines_removed=removed,
    )


async def submitted_event(kit: Kit, hook: Hook, summary: str) -> ev.BeadSubmitted:
    """The event that hands a bead to the Refinery."""
    assignment = hook.assignment
    if hook.submitted is None:
        raise ValueError("this hook is not submitted")
    sensitive = await sensitive_work(kit.objects, assignment.base, hook.submitted)
    parent = kit.bus.state.resolved_by(assignment.bead)
    bead = parent or assignment.bead
    attempt = 1 + sum(1 for merge in kit.bus.state.merges.values() if merge.bead == bead)
    return ev.BeadSubmitted(
        **kit.where,
        bead=bead,
        polecat=assignment.polecat,
        merge=merge_id(bead, attempt),
        branch=assignment.branch,
        commit=hook.submitted,
        base=assignment.base,
        summary=summary,
        resolver=assignment.bead if parent else None,
        sensitive=sensitive,
    )


async def tell_missing(kit: Kit, hook: Hook) -> None:
    """Tells of an assignment, turns, messages heard and a submission that git has and the history lacks."""
    assignment = hook.assignment
    view = kit.bus.state.beads.get(assignment.bead)
    if view is None:
        return
    if view.status == "open" and view.attempts == assignment.epoch - 1:
        await kit.bus.publish(slung_event(kit, assignment))
    await _tell_turns(kit, hook)
    await _tell_heard(kit, hook)
    known = {merge.commit for merge in kit.bus.state.merges.values()}
    if hook.submitted is not None and hook.submitted not in known and holds(kit, hook):
        await kit.bus.publish(await submitted_event(kit, hook, summary_of(hook)))


def holds(kit: Kit, hook: Hook) -> bool:
    """Tells whether the bead still hangs on this hook, as the history has it."""
    view = kit.bus.state.beads[hook.assignment.bead]
    return view.status == "hooked" and view.attempts == hook.assignment.epoch


def goes_on(kit: Kit, hook: Hook) -> bool:
    """Tells whether a worker that does not run can go on from this hook."""
    known = hook.assignment.bead in kit.bus.state.beads
    return known and hook.submitted is None and holds(kit, hook)


def last_call(turns: tuple[Turn, ...], tool: str) -> dict[str, object] | None:
    """The input of the last turn's call of a tool, if that was not refused."""
    if not turns:
        return None
    refused = {result["tool_use_id"] for result in turns[-1].results if result.get("is_error")}
    calls = [block for block in turns[-1].assistant if block["type"] == "tool_use"]
    given = [call["input"] for call in calls if call["name"] == tool and call["id"] not in refused]
    return given[-1] if given else None


def summary_of(hook: Hook) -> str:
    """What the worker said when it handed its last turn in; empty when it did not."""
    given = last_call(hook.turns, "submit")
    return "" if given is None else text_of(given, "summary")


async def _tell_turns(kit: Kit, hook: Hook) -> None:
    worker = kit.bus.state.polecats.get(hook.assignment.polecat)
    if worker is None or worker.branch != hook.assignment.branch or worker.turn >= len(hook.turns):
        return
    chain = await kit.objects.first_parents(hook.head, len(hook.turns) + len(hook.assignment.said) + 3)
    held = {commit.subject: commit.oid for commit in chain}
    for turn in hook.turns[worker.turn :]:
        at = held.get(f"{hook.assignment.bead}: turn {turn.number}", hook.head)
        await kit.bus.publish(await turn_event(kit, hook.assignment, turn, at))


async def _tell_heard(kit: Kit, hook: Hook) -> None:
    """Tells of messages that a worker was told, where a stop came before that was."""
    heard = [(one.heard, one.after) for one in hook.assignment.said]
    heard += [(turn.heard, turn.number) for turn in hook.turns]
    for ids, turn in heard:
        await kit.bus.publish(*delivered_events(kit, hook.assignment.bead, ids, turn))
