"""A conflict that the user resolves: their files are the bead's next merge request, gated like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import GitError, Refused
from gastown_desktop.core.ids import BY_HAND, BeadId, Oid, base36, merge_id
from gastown_desktop.core.projection import MergeView
from gastown_desktop.engine.conflict_sides import (
    Meeting,
    Versions,
    meet,
    new_marks,
    request_in_user_conflict,
    shown,
)
from gastown_desktop.engine.crash_points import crash_point
from gastown_desktop.engine.git_ports import GITLINK, REGULAR, Commit, Signature
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.sensitive_changes import sensitive_work
from gastown_desktop.engine.submission import body_of
from gastown_desktop.engine.worked_on import OVER

_BRANCHES = f"refs/heads/work/{BY_HAND}/"
_SUMMARY = "Resolved by hand."


async def resolve_by_hand(kit: Kit, bead: BeadId, files: Mapping[str, bytes | None], tip: Oid) -> None:
    """Hands in the user's resolution of a bead's conflict; whoever was to resolve it is sent home.

    Args:
        kit: the convoy.
        bead: the bead in conflict, or the one that resolves it.
        files: what each path in conflict holds; None deletes it.
        tip: the convoy's tip that the user saw.

    Raises:
        Refused: a path in conflict is missing or one is not in conflict, a marker is left, nothing of the
            work would be left, the tip moved in these files, or the bead is in no conflict (any more).
    """
    request = request_in_user_conflict(kit, bead)
    meeting = await meet(kit, request)
    await _refuse_moved(kit, meeting, files, tip)
    _refuse_other_paths(meeting, files)
    tree = await _resolved_tree(kit, meeting, files)
    resolvers = kit.bus.state.resolvers_of(request.bead)
    with kit.holding.standing(*resolvers):
        for resolver in resolvers:
            await kit.holding.stop(resolver)
        if request_in_user_conflict(kit, bead).id != request.id:
            raise Refused(f"{request.bead} was resolved meanwhile.", safe="Nothing was changed.")
        await _hand_in(kit, meeting, tree)


async def tell_by_hand(kit: Kit) -> None:
    """Tells of resolutions by hand that are in git, where a stop came before all of that was told."""
    for name, oid in (await kit.objects.list_refs(_BRANCHES)).items():
        bead = BeadId(name.removeprefix(_BRANCHES).rpartition("-")[0])
        if bead in kit.bus.state.beads:
            await _tell(kit, bead, name, oid)


async def _refuse_moved(kit: Kit, meeting: Meeting, files: Mapping[str, bytes | None], tip: Oid) -> None:
    """Refuses an answer to a conflict that looks different by now."""
    if meeting.tip == tip:
        return
    before, now = await kit.objects.tree_of(tip), await kit.objects.tree_of(meeting.tip)
    moved = {change.path for change in await kit.objects.diff_trees(before, now)}
    if moved & {*files, *meeting.merge.conflicts}:
        raise Refused(
            f"{min(moved & {*files, *meeting.merge.conflicts})} changed in the convoy while you resolved it.",
            safe="Nothing was changed.",
            remedy="Open the conflict again.",
        )


def _refuse_other_paths(meeting: Meeting, files: Mapping[str, bytes | None]) -> None:
    conflicts = set(meeting.merge.conflicts)
    if missing := sorted(conflicts - set(files)):
        raise Refused(f"{missing[0]} is not resolved yet.", safe="Nothing was changed.")
    if others := sorted(set(files) - conflicts):
        raise Refused(f"{others[0]} is not in conflict.", safe="Nothing was changed.")


async def _resolved_tree(kit: Kit, meeting: Meeting, files: Mapping[str, bytes | None]) -> Oid:
    """The merged tree with the user's files."""
    changes = {path: await _entry(kit, path, data, meeting.versions[path]) for path, data in files.items()}
    tree = await kit.objects.edit_tree(meeting.merge.tree, changes)
    if tree == await kit.objects.tree_of(meeting.tip):
        raise Refused(
            f"Nothing of {meeting.request.bead} would be left.",
            safe="Nothing was changed.",
            remedy="Discard the bead instead.",
        )
    return tree


async def _entry(kit: Kit, path: str, data: bytes | None, versions: Versions) -> tuple[int, Oid] | None:
    """The mode and blob of a resolved path: a side's own where it is taken as it is."""
    if data is None:
        return None
    sides = [versions.ours, versions.theirs]
    texts = [await shown(kit.objects, side) for side in sides]
    for side, text in zip(sides, texts, strict=True):
        if side is not None and text == data:
            return side.mode, side.oid
    if any(side is not None and side.mode == GITLINK for side in sides):
        raise Refused(f"{path} is a submodule: take one side or the other.", safe="Nothing was changed.")
    if new_marks(data, *texts):
        raise Refused(f"{path} still holds conflict markers.", safe="Nothing was changed.")
    mode = next((one.mode for one in (versions.merged, *reversed(sides)) if one is not None), REGULAR)
    return mode, await kit.objects.write_blob(data)


async def _hand_in(kit: Kit, meeting: Meeting, tree: Oid) -> None:
    """Commit → ref → events: what a stop leaves out is told at the next start."""
    bead = meeting.request.bead
    work = await kit.objects.read_commit(meeting.request.commit)
    now = kit.clock.now()
    committer = Signature(kit.rig.user_name, kit.rig.user_email, now)
    message = _message(kit, bead, work)
    oid = await kit.objects.write_commit(tree, (meeting.tip,), message, work.author, committer)
    branch = f"{_BRANCHES}{bead}-{base36(int(now.timestamp() * 1000))}"
    crash_point("by-hand-before")
    if not await kit.objects.swap_ref(branch, old=None, new=oid):
        raise GitError("Two resolutions of one bead met at the same moment.")
    crash_point("by-hand-after")
    await _tell(kit, bead, branch, oid)
    crash_point("by-hand-told")


async def _tell(kit: Kit, bead: BeadId, branch: str, oid: Oid) -> None:
    """Tells of a resolution by hand, as far as that was not done."""
    commit = await kit.objects.read_commit(oid)
    sensitive = await sensitive_work(kit.objects, commit.parents[0], oid)
    await kit.bus.publish(*_news(kit, bead, branch, commit, sensitive))


def _news(
    kit: Kit, bead: BeadId, branch: str, commit: Commit, sensitive: tuple[str, ...]
) -> list[ev.DurableEvent]:
    """The events that tell of a resolution by hand, but for those that were told."""
    state = kit.bus.state
    told = next((one for one in state.merges.values() if one.commit == commit.oid), None)
    if state.beads[bead].status in OVER or (told is not None and not _is_waiting(kit, told)):
        return []
    news: list[ev.DurableEvent] = list(_answers(kit, bead))
    if told is None:
        news.append(replace(_submitted(kit, bead, branch, commit), sensitive=sensitive))
    if _open_resolvers(kit, bead):
        earlier = [one for one in state.merges.values() if one.bead == bead and one.commit != commit.oid][-1]
        news.append(ev.MergeStateChanged(**kit.where, merge=earlier.id, bead=bead, state="superseded"))
    return news


def _is_waiting(kit: Kit, request: MergeView) -> bool:
    """Whether a merge request is its bead's newest and in the queue."""
    return request.state == "queued" and kit.bus.state.beads[request.bead].merge == request.id


def _answers(kit: Kit, bead: BeadId) -> list[ev.NeedAnswered]:
    """Answers to what the conflict made the bead, or those that were to resolve it, ask."""
    resolvers = _open_resolvers(kit, bead)
    asked = [
        need
        for need in kit.bus.state.needs_you.values()
        if need.bead in resolvers or (need.bead == bead and need.about == "conflict")
    ]
    return [ev.NeedAnswered(**kit.where, item=need.item, answer=_SUMMARY) for need in asked]


def _open_resolvers(kit: Kit, bead: BeadId) -> list[BeadId]:
    state = kit.bus.state
    return [one for one in state.resolvers_of(bead) if state.beads[one].status not in OVER]


def _submitted(kit: Kit, bead: BeadId, branch: str, commit: Commit) -> ev.BeadSubmitted:
    attempt = 1 + sum(1 for one in kit.bus.state.merges.values() if one.bead == bead)
    return ev.BeadSubmitted(
        **kit.where,
        bead=bead,
        polecat=BY_HAND,
        merge=merge_id(bead, attempt),
        branch=branch,
        commit=commit.oid,
        base=commit.parents[0],
        summary=_SUMMARY,
    )


def _message(kit: Kit, bead: BeadId, work: Commit) -> str:
    """The words and trailers of the work, with what it cost until now and who resolved it."""
    state = kit.bus.state
    cost = sum(state.beads[one].cost for one in (bead, *state.resolvers_of(bead)))
    lines = [line.partition(": ") for line in work.message.strip().split("\n\n")[-1].splitlines()]
    trailers = {name: value for name, _, value in lines if name.startswith("Gastown-")}
    trailers |= {"Gastown-Bead": bead, "Gastown-Cost": str(cost), "Gastown-Resolved-By": "user"}
    body = f"{body_of(work)}\n\nResolved by hand by {kit.rig.user_name}.".strip()
    told = "\n".join(f"{name}: {value}" for name, value in trailers.items())
    return f"{state.beads[bead].bead.title}\n\n{body}\n\n{told}\n"
