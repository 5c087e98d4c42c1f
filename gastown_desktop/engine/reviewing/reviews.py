"""Reviews: work that was handed in is read by a reviewer, several at once, before the Refinery takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import CapReached, DiskLow, ModelError, ProviderClosed
from gastown_desktop.core.ids import MergeId
from gastown_desktop.core.money import show_usd
from gastown_desktop.core.projection import MergeView
from gastown_desktop.core.reviews import review_item
from gastown_desktop.engine.bead_caps import allow_as_much_again
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.resolving import after_turned_down
from gastown_desktop.engine.reviewing.review import Review, Reviewer
from gastown_desktop.engine.reviewing.toolbox import Verdict
from gastown_desktop.engine.reviewing.undecided import ask_about_review

AT_ONCE = 4
"""Reviews that run at the same time."""
Stop = Literal["limit", "provider", "disk"]


class Reviews:
    """Reviews what waits in the merge queue of one convoy."""

    def __init__(
        self,
        kit: Kit,
        reviewer: Reviewer | None,
        *,
        stopped: Callable[[Stop], None],
        ended: Callable[[], None],
    ) -> None:
        """Reads nothing yet.

        Args:
            kit: what the convoy shares.
            reviewer: who reviews; None lets everything pass.
            stopped: hears that a review stands still for want of money, or of the provider.
            ended: called whenever a review is over.
        """
        self._kit = kit
        self._reviewer = reviewer
        self._stopped = stopped
        self._ended = ended
        self._under_way: set[MergeId] = set()
        self._short: set[MergeId] = set()
        """Those for which there was no room, or no provider."""

    @property
    def busy(self) -> bool:
        """Whether something is being read."""
        return bool(self._under_way)

    def go_on(self) -> None:
        """There is room again, or the provider is back: what stood still is read after all."""
        self._short.clear()

    def fill(self, group: asyncio.TaskGroup) -> None:
        """Begins reviews of what waits, as many as may run at once.

        Args:
            group: where they run.
        """
        reviewer = self._reviewer
        if reviewer is None or self._kit.line.closed:
            return
        for view in self._waiting()[: AT_ONCE - len(self._under_way)]:
            self._under_way.add(view.id)
            group.create_task(self._review(view, reviewer), name=f"review of {view.id}")

    def _waiting(self) -> list[MergeView]:
        """What is to be read and is not yet, oldest first."""
        state = self._kit.bus.state
        return [
            view
            for view in state.merges.values()
            if view.state == "queued"
            and not state.may_merge(view)
            and state.beads[view.bead].status == "submitted"
            and view.id not in self._under_way | self._short
        ]

    async def _review(self, view: MergeView, reviewer: Reviewer) -> None:
        try:
            if not view.verdict:  # else a stop came before what follows from it
                await self._read(Review(kit=self._kit, reviewer=reviewer, view=view))
            await self._follow(self._kit.bus.state.merges[view.id])
        except CapReached:
            self._short.add(view.id)
            self._stopped("limit")
        except ProviderClosed:
            self._short.add(view.id)
            self._stopped("provider")
        except DiskLow:
            self._short.add(view.id)
            self._stopped("disk")
        finally:
            self._under_way.discard(view.id)
            self._ended()

    async def _read(self, review: Review) -> None:
        """Lets it be read, and tells what came of that."""
        kit, view = self._kit, review.view
        if review_item(view, short=True) in kit.bus.state.answers:
            await allow_as_much_again(kit, view.bead)
        verdict = await self._verdict(review)
        if kit.bus.state.merges[view.id].state != "queued":
            return  # the user took the bead out meanwhile
        reviewed = ev.MergeReviewed(
            **kit.where,
            merge=view.id,
            bead=view.bead,
            verdict=verdict.kind,
            text=verdict.text,
            model=review.reviewer.model,
            turns=review.turns,
            cost=review.cost,
            prompt_tokens=review.prompt_tokens,
            output_tokens=review.output_tokens,
        )
        await kit.bus.publish(reviewed)

    async def _verdict(self, review: Review) -> Verdict:
        """The verdict; what concerns this bead alone is one as well, and asks the user.

        Raises:
            CapReached: the convoy has no room, or a scope that it shares with others.
            ProviderClosed: the provider takes no request of this key.
            DiskLow: no model is asked with so little disk.
            TripwirePulled, StoreError, GitError: the fleet cannot go on.
        """
        scope = f"bead:{review.view.bead}"
        try:
            return await review.verdict()
        except CapReached as reached:
            if reached.scope != scope:
                raise
            cap = show_usd(self._kit.gate.ledger.totals(scope).cap or 0)
            return Verdict("short", f"Its own limit of {cap} leaves no room for a review.")
        except (ProviderClosed, DiskLow):
            raise
        except ModelError as error:
            return Verdict("none", f"The model could not be used: {error}")

    async def _follow(self, view: MergeView) -> None:
        """Sends work back that has to change, and asks where there is no verdict."""
        kit = self._kit
        if view.state != "queued" or view.passed:
            return
        if view.verdict != "changes":
            await kit.bus.publish(ask_about_review(kit, view))
            return
        red = ev.MergeStateChanged(
            **kit.where,
            merge=view.id,
            bead=view.bead,
            state="red",
            reason=f"A reviewer wants changes:\n{view.review}",
        )
        await kit.bus.publish(red)
        await kit.bus.publish(*await after_turned_down(kit, kit.bus.state.merges[view.id]))
