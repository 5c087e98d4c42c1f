"""Taking over: the user works on a bead's copy by hand, then its worker goes on and is told what changed."""

from __future__ import annotations

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.projection import NeedView
from gastown_desktop.engine.git_ports import Slot
from gastown_desktop.engine.hooks import Hook
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.shown_difference import shown_difference

ABOUT = "taken"
"""What a Needs-you item of a bead in the user's hands is about."""
_TAKEN_FROM = frozenset({"hooked", "blocked"})


def hand_slot(bead: BeadId) -> str:
    """The name of the slot in which the user works on a bead."""
    return f"hand-{bead}"


def is_hand_slot(name: str) -> bool:
    """Tells whether a slot is one that a user works in: nobody cleans it away."""
    return name.startswith("hand-")


async def take_over(kit: Kit, bead: BeadId) -> Slot:
    """Takes a bead; its worker is stopped, and its copy is put where the user can work on it.

    Raises:
        Refused: there is no such bead, nobody has begun it, or it is in the user's hands already.
    """
    view = kit.bus.state.beads.get(bead)
    if view is None:
        raise Refused(f"There is no bead {bead} here.")
    if taken(kit, bead) is not None:
        raise Refused(f"{bead} is in your hands already.")
    with kit.holding.standing(bead):
        await kit.holding.stop(bead)
        slot = await _hand_over(kit, bead)
    kit.holding.beads.discard(bead)
    return slot


async def _hand_over(kit: Kit, bead: BeadId) -> Slot:
    view = kit.bus.state.beads[bead]
    attempt = await kit.hooks.attempt(bead, view.attempts) if view.attempts else None
    if view.status not in _TAKEN_FROM or attempt is None:
        raise Refused(
            f"{bead} is {view.status}; only work that a worker began and did not finish can be taken over."
        )
    slot = await kit.slots.prepare(hand_slot(bead), attempt.assignment.base)
    if attempt.wip is not None:
        await kit.slots.reset(slot, attempt.wip)
    item = f"{bead}:{ABOUT}:{attempt.assignment.epoch}"
    text = f"It is in your hands, in {slot.folder}. Its worker goes on when you give it back."
    await kit.bus.publish(ev.NeedsYou(**kit.where, item=item, about=ABOUT, text=text, bead=bead))
    await _let_go(kit, attempt)
    return slot


async def give_back(kit: Kit, bead: BeadId) -> tuple[str, ...]:
    """Gives a bead back with what the user made of it; returns the changes as the worker will see them.

    Raises:
        Refused: it is not in the user's hands, or its folder is gone.
    """
    need = taken(kit, bead)
    if need is None:
        raise Refused(f"{bead} is not in your hands.")
    view = kit.bus.state.beads[bead]
    attempt = await kit.hooks.attempt(bead, view.attempts)
    if attempt is None or hand_slot(bead) not in await kit.slots.names():
        raise Refused(f"The folder of {bead} is gone.", safe="What its worker did is kept.")
    snapshot = await kit.slots.snapshot(kit.slots.slot(hand_slot(bead)))
    before = attempt.wip or await kit.objects.tree_of(attempt.assignment.base)
    changes = await kit.objects.diff_trees(before, snapshot.tree)
    paths = [change.path for change in changes]
    lines = await shown_difference(kit.objects, before, snapshot.tree, paths)
    told = _told(paths, lines)
    for other in [one for one in kit.bus.state.needs_you.values() if one.bead == bead]:
        await kit.bus.publish(ev.NeedAnswered(**kit.where, item=other.item, answer=told, tree=snapshot.tree))
    await kit.slots.remove(hand_slot(bead))
    return lines


def taken(kit: Kit, bead: BeadId) -> NeedView | None:
    """The item of a bead that is in the user's hands; None for any other."""
    items = kit.bus.state.needs_you.values()
    return next((need for need in items if need.bead == bead and need.about == ABOUT), None)


async def _let_go(kit: Kit, attempt: Hook) -> None:
    """Takes the bead off its worker's hook, where it still hangs; the chain is kept."""
    head = await kit.objects.read_ref(kit.refs.hook(attempt.assignment.polecat))
    if head == attempt.head:
        await kit.hooks.give_up(attempt)


def _told(paths: list[str], lines: tuple[str, ...]) -> str:
    if not paths:
        return "The user looked at your copy and changed nothing. Go on."
    return "\n".join(
        ["The user changed your copy by hand:", *paths[:50], "", *lines, "", "Go on from there."]
    )
