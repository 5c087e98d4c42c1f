"""A submission: what a polecat hands in is checked, proven again, committed, and told to the Refinery."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.core.plain_text import one_line, plain_text
from gastown_desktop.engine.crash_points import crash_point
from gastown_desktop.engine.git_ports import Commit, Signature, Slot
from gastown_desktop.engine.hooks import Assignment, Hook
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.process_ports import Confinement
from gastown_desktop.engine.secret_scan import refuse_left_out, refuse_secrets
from gastown_desktop.engine.tools.workbench import Submission

_EVIDENCE_S = 600.0
_FAR_BEHIND, _MOST_BEHIND = 50, 200
"""Commits merged while a bead was at work. Above the first it is put on the tip before it is proven; above
the second, where that conflicts, it has to start again."""
_LARGEST_MARKED = 1_000_000
"""Bytes of the largest file that is searched for conflict markers."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A bead whose work is handed in, and who worked: a resolver works for another bead."""

    bead: BeadId
    """The bead that will be merged."""
    resolver: BeadId | None
    """The resolve bead that was worked on, where it was one."""


def handed_by(kit: Kit, worked_on: BeadId) -> Handed:
    """For whom a bead is worked on."""
    parent = kit.bus.state.resolved_by(worked_on)
    return Handed(worked_on, None) if parent is None else Handed(parent, worked_on)


async def catch_up(kit: Kit, hook: Hook, slot: Slot) -> Hook:
    """Puts a copy that is far behind on the tip, where that goes without a conflict; returns its hook."""
    assignment = hook.assignment
    if not await _is_behind(kit, assignment, _FAR_BEHIND):
        return hook
    tip, snapshot = await kit.tip(), await kit.slots.snapshot(slot)
    base, there = [await kit.objects.tree_of(commit) for commit in (assignment.base, tip)]
    merged = await kit.objects.merge_trees(base, there, snapshot.tree)
    if merged.conflicts:
        return hook
    await kit.slots.reset(slot, merged.tree)
    return replace(hook, assignment=replace(assignment, base=tip))


async def commit_submission(
    kit: Kit, hook: Hook, submission: Submission, slot: Slot, confinement: Confinement
) -> Oid:
    """Checks what the slot holds and commits it on the bead's work branch.

    Raises:
        ToolRefused: there is no change, a conflict or a secret is left, a piece of evidence fails, the base
            is too old, or the work branch moved.
    """
    assignment = hook.assignment
    handed = handed_by(kit, assignment.bead)
    snapshot = await kit.slots.snapshot(slot)
    refuse_left_out(snapshot)
    tree = await kit.finish_tree(handed.bead, assignment.base, snapshot.tree)
    if tree == await kit.objects.tree_of(assignment.base):
        raise ToolRefused("There is no change to submit.")
    await _refuse_markers(kit, assignment, tree)
    await refuse_secrets(kit, assignment.base, tree)
    await _refuse_if_too_far_behind(kit, assignment)
    for command in submission.evidence:
        await _prove(kit, command, confinement)
    commit = await _write_commit(kit, hook, handed, submission, tree)
    crash_point("submit-before")
    old = await kit.objects.read_ref(assignment.branch)
    if not await kit.objects.swap_ref(assignment.branch, old=old, new=commit):
        raise ToolRefused("The work branch moved meanwhile; submit again.")
    crash_point("submit-after")
    return commit


async def _refuse_markers(kit: Kit, assignment: Assignment, tree: Oid) -> None:
    """A copy that began with conflict markers must not be handed in with them."""
    if assignment.start is None:
        return
    base = await kit.objects.tree_of(assignment.base)
    begun = {change.path: change for change in await kit.objects.diff_trees(base, assignment.start)}
    for change in await kit.objects.diff_trees(base, tree):
        before = begun.get(change.path)
        if before is None or not await _is_marked(kit, before.new_oid):
            continue
        if await _is_marked(kit, change.new_oid) and not await _is_marked(kit, change.old_oid):
            raise ToolRefused(f"{change.path} still holds conflict markers. Settle them and submit again.")


async def _is_marked(kit: Kit, blob: Oid | None) -> bool:
    if blob is None or await kit.objects.blob_size(blob) > _LARGEST_MARKED:
        return False
    lines = (await kit.objects.read_blob(blob)).split(b"\n")
    return all(any(line.startswith(sign * 7 + b" ") for line in lines) for sign in (b"<", b">"))


async def _refuse_if_too_far_behind(kit: Kit, assignment: Assignment) -> None:
    if await _is_behind(kit, assignment, _MOST_BEHIND):
        raise ToolRefused(
            f"More than {_MOST_BEHIND} commits were merged since your copy was made; it conflicts with them. "
            "Ask for this bead to be started again."
        )


async def _is_behind(kit: Kit, assignment: Assignment, most: int) -> bool:
    tip = await kit.tip()
    if tip == assignment.base:
        return False
    newest = await kit.objects.first_parents(tip, most + 1)
    return len(newest) > most and all(commit.oid != assignment.base for commit in newest)


async def _prove(kit: Kit, command: str, confinement: Confinement) -> None:
    """Runs a piece of evidence again."""
    result = await kit.sandbox.run(command, confinement, timeout_s=_EVIDENCE_S)
    if result.exit_code == 0 and not result.timed_out:
        return
    how = f"ended with {result.exit_code}" if not result.timed_out else "took too long"
    tail = kit.secrets.masked(result.output.decode("utf-8", "replace"))[-2_000:]
    raise ToolRefused(f"The evidence `{command}` {how}:\n{tail}")


async def _write_commit(kit: Kit, hook: Hook, handed: Handed, submission: Submission, tree: Oid) -> Oid:
    """A resolution keeps the author and the words of the work that it resolves.

    What the model and the import say comes in as plain text: git ends a message at a NUL, so that words
    before one would stand where the trailers are read.
    """
    now, name = kit.clock.now(), hook.assignment.polecat
    author = Signature(f"{name} (polecat)", kit.rig.user_email, now)
    committer = Signature(kit.rig.user_name, kit.rig.user_email, now)
    bead = kit.bus.state.beads[handed.bead].bead
    body = summary = kit.secrets.masked(plain_text(submission.summary))
    if handed.resolver is not None and (work := await _resolved_work(kit, handed.bead)) is not None:
        author = work.author
        body = f"{body_of(work)}\n\nResolved by {name}: {summary}".strip()
    message = f"{one_line(bead.title) or bead.id}\n\n{body}\n\n{_trailers(kit, hook, handed)}\n"
    return await kit.objects.write_commit(tree, (hook.assignment.base,), message, author, committer)


async def _resolved_work(kit: Kit, bead: BeadId) -> Commit | None:
    """The work of a bead whose merge request is in conflict."""
    merge = kit.bus.state.beads[bead].merge
    return await kit.objects.read_commit(kit.bus.state.merges[merge].commit) if merge else None


def body_of(commit: Commit) -> str:
    """A message without its subject and its trailers."""
    paragraphs = commit.message.strip().split("\n\n")
    return "\n\n".join(paragraphs[1:-1])


def _trailers(kit: Kit, hook: Hook, handed: Handed) -> str:
    assignment = hook.assignment
    trailers = {
        "Gastown-Bead": handed.bead,
        "Gastown-Convoy": kit.refs.convoy,
        "Gastown-Polecat": assignment.polecat,
        "Gastown-Model": assignment.model,
        "Gastown-Cost": str(sum(turn.cost for turn in hook.turns)),
        "Gastown-Transcript": hook.head,
    }
    if handed.resolver is not None:
        earlier = kit.bus.state.beads[handed.bead].cost
        trailers |= {
            "Gastown-Cost": str(earlier + sum(turn.cost for turn in hook.turns)),
            "Gastown-Resolver": handed.resolver,
        }
    return "\n".join(f"{name}: {value}" for name, value in trailers.items())
