"""What follows a merge request that was turned down: a resolver, another round of its worker, or the user."""

from __future__ import annotations

from collections.abc import Collection

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import Bead
from gastown_desktop.core.ids import BeadId, resolve_bead_id
from gastown_desktop.core.projection import MergeView
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.reviewing.undecided import ask_about_review

MOST_ROUNDS = 3
"""Times that a bead goes to a worker or a resolver again before the user is asked."""
_LONGEST_TEXT = 2_000
_MOST_OTHERS = 5
_LONGEST_CONVOY = 1_000
_FINISHED = frozenset({"submitted", "merged", "landed", "discarded", "failed"})


async def after_turned_down(kit: Kit, request: MergeView) -> list[ev.DurableEvent]:
    """The events that follow when a merge request became `red` or `conflicted`.

    Told again after a stop they come out the same, or as what is missing of them.
    """
    rounds = kit.bus.state.beads[request.bead].rounds
    if request.state == "conflicted" and (begun := _unfinished(kit, request.bead)):
        return _link(kit, begun, request)
    if rounds >= MOST_ROUNDS and request.verdict == "changes":
        return [ask_about_review(kit, request)]
    if rounds >= MOST_ROUNDS:
        about = "conflict" if request.state == "conflicted" else "red"
        item = f"{request.bead}:{about}:{request.id}"
        return [ev.NeedsYou(**kit.where, item=item, about=about, text=request.reason, bead=request.bead)]
    if request.state == "conflicted":
        resolver = _resolver(kit, request, await met_in(kit, request, request.paths))
        return [resolver, *_link(kit, resolver.bead, request)]
    return [ev.BeadReopened(**kit.where, bead=request.bead, reason=request.reason)]


def _unfinished(kit: Kit, bead: BeadId) -> BeadId | None:
    """A resolve bead that was added just before the stop; it may not be linked to its parent yet."""
    state = kit.bus.state
    number = len(state.resolvers_of(bead)) + 1
    candidates = [*state.resolvers_of(bead), resolve_bead_id(bead, number)]
    return next((one for one in candidates if one in state.beads and not _is_finished(kit, one)), None)


def _is_finished(kit: Kit, bead: BeadId) -> bool:
    return kit.bus.state.beads[bead].status in _FINISHED


def _link(kit: Kit, resolver: BeadId, request: MergeView) -> list[ev.DurableEvent]:
    news: list[ev.DurableEvent] = []
    if resolver not in kit.bus.state.resolvers_of(request.bead):
        news.append(ev.DependencyAdded(**kit.where, bead=resolver, on=request.bead, type="parent"))
    resolving = ev.MergeStateChanged(
        **kit.where,
        merge=request.id,
        bead=request.bead,
        state="resolving",
        reason=request.reason,
        paths=request.paths,
    )
    return [*news, resolving]


async def met_in(kit: Kit, request: MergeView, paths: Collection[str]) -> list[Bead]:
    """Beads that were merged since the work began and changed one of these paths, oldest first."""
    objects = kit.objects
    met: list[Bead] = []
    for commit in reversed(await objects.first_parents(await kit.tip(), _LONGEST_CONVOY)):
        bead = next((view.bead for view in kit.bus.state.beads.values() if view.commit == commit.oid), None)
        if bead is None or await objects.is_ancestor(commit.oid, request.base):
            continue
        changes = await objects.diff_trees(await objects.tree_of(commit.parents[0]), commit.tree)
        if {change.path for change in changes} & set(paths):
            met.append(bead)
    return met


def _resolver(kit: Kit, request: MergeView, met: list[Bead]) -> ev.BeadAdded:
    """The resolve bead: both sides' texts, and where they meet."""
    parent = kit.bus.state.beads[request.bead].bead
    number = len(kit.bus.state.resolvers_of(request.bead)) + 1
    return ev.BeadAdded(
        **kit.where,
        bead=resolve_bead_id(request.bead, number),
        title=f"Resolve: {parent.title}",
        description=_task(kit.resolver_words, parent, request, met),
        acceptance="Both changes work together and no conflict marker is left.",
        type="resolve",
        priority=0,
        files=request.paths,
        size="S",
        model=parent.model,
    )


def _task(words: str, parent: Bead, request: MergeView, met: list[Bead]) -> str:
    lines = [
        f"The work on {parent.id} (commit {request.commit}) conflicts with what was merged meanwhile.",
        "",
        *([words, ""] if words else []),
        _told("The bead whose work is to be merged", parent),
    ]
    lines += [_told("Merged meanwhile on the same files", bead) for bead in met[-_MOST_OTHERS:]]
    return "\n".join(lines)


def _told(heading: str, bead: Bead) -> str:
    text = (
        bead.description if len(bead.description) <= _LONGEST_TEXT else bead.description[:_LONGEST_TEXT] + "…"
    )
    return f"{heading}: {bead.id} {bead.title}\n{text}".rstrip() + "\n"
