"""Settling conflicts by code: as they came out before, with the lines of both sides, or by making files anew.

What code settles is proven by the gates like everything else; without a gate nothing is settled here, and a
conflict goes to a resolver.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from gastown_desktop.core.errors import SetupFailed
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.projection import MergeView
from gastown_desktop.core.serialising import Generated, settle
from gastown_desktop.engine.git_ports import Merge, Signature
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.resolutions import Resolutions

How = Literal["", "remembered", "union", "generated"]
_REGENERATE_S = 600.0
_SLOT = "regenerate"


@dataclass(frozen=True, slots=True)
class Settled:
    """A merge that code brought to an end."""

    tree: Oid
    how: How
    """What did it; the strongest where several did."""


class Settling:
    """Settles what the rig's rules and memory know how to."""

    def __init__(self, kit: Kit) -> None:
        """Uses the kit's rules, slots and sandbox."""
        self._kit = kit
        self._resolutions = Resolutions(kit.objects, kit.refs.resolutions)
        self._made: dict[tuple[Oid, str], Oid | None] = {}

    async def settle(self, view: MergeView, under: Oid, merge: Merge) -> Settled | None:
        """The merged tree without its conflicts; None where one is left.

        Args:
            view: what is merged.
            under: the commit that it is merged into.
            merge: how git merges them.
        """
        base, ours, theirs = await self._trees(view.base, under, view.commit)
        remembered = await self._resolutions.recall(base, ours, theirs, merge)
        if remembered is not None:
            return Settled(remembered, "remembered")
        rules = settle(merge.conflicts, self._kit.serialising)
        if rules.left:
            return None
        tree = merge.tree
        if rules.union:
            joined = await self._kit.objects.merge_trees(base, ours, theirs, union=rules.union)
            if set(joined.conflicts) - {one.path for one in rules.generated}:
                return None
            tree = joined.tree
        for one in rules.generated:
            made = await self._make_anew(one, tree, ours, under)
            if made is None:
                return None
            tree = made
        return Settled(tree, "generated" if rules.generated else "union")

    async def learn(self, worker: MergeView, resolved: MergeView) -> None:
        """Remembers how a resolver brought a conflict to an end, now that the gates proved it.

        Args:
            worker: what was in conflict.
            resolved: what the resolver handed in, on the commit that it met.
        """
        base, ours, theirs = await self._trees(worker.base, resolved.base, worker.commit)
        await self._resolutions.learn(base, ours, theirs, await self._kit.objects.tree_of(resolved.commit))

    async def _make_anew(self, one: Generated, tree: Oid, ours: Oid, under: Oid) -> Oid | None:
        """The tree with a generated file as its command makes it; None where the command fails.

        The command starts from the version that is merged already, so that it only adds what is new.
        """
        kit = self._kit
        known = {leaf.path: leaf for leaf in await kit.objects.list_tree(ours, recursive=True)}
        before = known.get(one.path)
        start = await kit.objects.edit_tree(tree, {one.path: (before.mode, before.oid) if before else None})
        key = (start, sha256(f"{one.path}\0{one.command}".encode()).hexdigest())
        if key not in self._made:
            self._made[key] = await self._run(one, start, under)
        return self._made[key]

    async def _run(self, one: Generated, start: Oid, under: Oid) -> Oid | None:
        kit = self._kit
        town = Signature("Gas Town", "town@gastown.invalid", kit.clock.now())
        commit = await kit.objects.write_commit(start, (under,), f"Make {one.path} anew\n", town, town)
        try:
            slot = await kit.slots.prepare(_SLOT, commit)
        except SetupFailed:
            return None
        result = await kit.sandbox.run(one.command, kit.confinement(slot), timeout_s=_REGENERATE_S)
        if result.exit_code or result.timed_out:
            return None
        snapshot = (await kit.slots.snapshot(slot)).tree
        made = {leaf.path: leaf for leaf in await kit.objects.list_tree(snapshot, recursive=True)}
        if one.path not in made:
            return None
        return await kit.objects.edit_tree(start, {one.path: (made[one.path].mode, made[one.path].oid)})

    async def _trees(self, *commits: Oid) -> tuple[Oid, Oid, Oid]:
        base, ours, theirs = [await self._kit.objects.tree_of(commit) for commit in commits]
        return base, ours, theirs
