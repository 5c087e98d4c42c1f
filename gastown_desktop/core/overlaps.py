"""Beads that expect the same files and that nothing orders, so that their work may collide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.serialising import SerialisingFiles, matches

_NO_RULES = SerialisingFiles()


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two beads that expect the same files and do not wait for each other."""

    one: BeadId
    other: BeadId
    files: tuple[str, ...]


def overlaps_in(
    dag: Dag, files: Mapping[BeadId, Collection[str]], rules: SerialisingFiles = _NO_RULES
) -> list[Overlap]:
    """Pairs that may collide.

    Args:
        dag: the beads and what they wait for.
        files: paths that each bead expects to touch.
        rules: files that the rig settles by itself do not count.
    """
    by_file: dict[str, list[BeadId]] = defaultdict(list)
    for bead in dag.beads:
        for path in dict.fromkeys(files.get(bead, ())):
            by_file[path].append(bead)
    shared: dict[tuple[BeadId, BeadId], list[str]] = defaultdict(list)
    for path, beads in by_file.items():
        if len(beads) > 1 and not is_settled(path, rules):
            for pair in combinations(beads, 2):
                shared[pair].append(path)
    before = all_before(dag)
    return [
        Overlap(one=one, other=other, files=tuple(paths))
        for (one, other), paths in shared.items()
        if one not in before[other] and other not in before[one]
    ]


def all_before(dag: Dag) -> dict[BeadId, set[BeadId]]:
    """For each bead all that it waits for, directly or not."""
    before: dict[BeadId, set[BeadId]] = {}
    for wave in dag.waves():
        for bead in wave:
            direct = dag.dependencies(bead)
            before[bead] = set(direct).union(*(before[one] for one in direct))
    return before


def is_settled(path: str, rules: SerialisingFiles) -> bool:
    """Whether the rig says how a file that many beads touch is settled: made anew, united, or one by one."""
    if any(path == one.path for one in rules.generated):
        return True
    return any(matches(path, pattern) for pattern in (*rules.union, *rules.serial))
