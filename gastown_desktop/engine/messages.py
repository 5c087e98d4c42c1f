"""Messages: what the user says to a worker, who hears it between two turns."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.projection import MessageView
from gastown_desktop.engine.hooks import Hook, Interjection
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.worked_on import require_worked_on

USER_SAYS = "The user says: "
"""How a message begins for the worker."""
LONGEST_MESSAGE = 20_000
"""Characters."""


async def send(kit: Kit, bead: BeadId, text: str) -> str:
    """Says something to a bead's worker, who hears it at the end of its turn; returns the message's id.

    Where no worker hears it any more, since the work is handed in or waits, the next attempt begins with it.

    Raises:
        Refused: there is no such bead, nobody has begun it, its work is over, or there is nothing to say.
    """
    require_worked_on(kit, bead)
    words = text.strip()
    if not words:
        raise Refused("The message is empty.", safe="Nothing was sent.")
    if len(words) > LONGEST_MESSAGE:
        raise Refused(
            f"The message has {len(words):,} characters; at most {LONGEST_MESSAGE:,} can be sent.",
            safe="Nothing was sent.",
        )
    message = f"m-{secrets.token_hex(5)}"
    await kit.bus.publish(ev.MessageSent(**kit.where, bead=bead, message=message, text=words))
    return message


async def hear(kit: Kit, hook: Hook) -> Hook:
    """Tells a worker that is about to begin or to go on what nobody has heard yet; returns its hook.

    Raises:
        StoreError: the hook moved meanwhile.
    """
    unheard = kit.bus.state.unheard(hook.assignment.bead)
    if not unheard:
        return hook
    ids = tuple(one.id for one in unheard)
    said = Interjection(after=len(hook.turns), text=as_said(unheard), heard=ids)
    told = await kit.hooks.say(hook, said)
    await kit.bus.publish(*delivered_events(kit, hook.assignment.bead, ids, said.after))
    return told


def as_said(messages: Iterable[MessageView]) -> str:
    """Messages as the worker reads them."""
    return "\n\n".join(USER_SAYS + one.text for one in messages)


def delivered_events(kit: Kit, bead: BeadId, ids: Sequence[str], turn: int) -> list[ev.MessageDelivered]:
    """What tells that messages were heard at the end of a turn, but for those of which it was told."""
    known = kit.bus.state.messages
    return [
        ev.MessageDelivered(**kit.where, bead=bead, message=one, turn=turn)
        for one in ids
        if one in known and known[one].turn is None
    ]
