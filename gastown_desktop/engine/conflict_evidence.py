"""Conflicts as evidence: which beads meet where, and what resolving them took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.money import json_usd
from gastown_desktop.core.projection import Projection
from gastown_desktop.engine.rehearsal_plan import RehearsalPlan

_MOST_ROWS, _MOST_NAMED = 12, 3


def conflict_figures(state: Projection, plan: RehearsalPlan) -> dict[str, Any]:
    """What `--json` says of conflicts; money in dollars at list price."""
    resolvers = [view for view in state.beads.values() if view.bead.kind == "resolve"]
    return {
        "conflicts": state.conflicts,
        "conflicting_alone": len(plan.conflicting),
        "conflict_pairs": [
            {"bead": bead, "earlier": earlier, "paths": list(paths)}
            for bead, earlier, paths in conflict_pairs(plan)
        ],
        "resolver_runs": sum(view.attempts for view in resolvers),
        "resolutions": [
            {
                "bead": state.resolved_by(view.bead.id),
                "resolver": view.bead.id,
                "paths": list(view.bead.files),
                "status": view.status,
                "turns": view.turns,
                "cost_usd": json_usd(view.cost),
            }
            for view in resolvers
        ],
    }


def conflict_pairs(plan: RehearsalPlan) -> list[tuple[BeadId, BeadId, tuple[str, ...]]]:
    """Each bead that conflicts alone on the base, the earlier beads that it meets, and where."""
    order = list(plan.works)
    pairs: list[tuple[BeadId, BeadId, tuple[str, ...]]] = []
    for bead, paths in plan.conflicting.items():
        for earlier in order[: order.index(bead)]:
            shared = tuple(path for path in paths if path in set(plan.works[earlier].paths))
            if shared:
                pairs.append((bead, earlier, shared))
    return pairs


def conflicts_as_markdown(result: dict[str, Any], titles: Mapping[str, str]) -> list[str]:
    """A section of the report; empty where nothing conflicts."""
    pairs = result["conflict_pairs"]
    if not pairs:
        return []
    rows = _by_bead(pairs)
    lines = ["## Conflicts", "", _sentence(result), ""]
    lines += [
        f"- {_named(bead, titles)} meets {_few([_named(one, titles) for one in met])} in "
        + _few([f"`{path}`" for path in paths])
        for bead, met, paths in rows[:_MOST_ROWS]
    ]
    if len(rows) > _MOST_ROWS:
        lines.append(f"- … and {len(rows) - _MOST_ROWS} more beads")
    return [*lines, ""]


def conflicts_as_html(result: dict[str, Any], titles: Mapping[str, str]) -> str:
    """The same for the page."""
    pairs = result["conflict_pairs"]
    if not pairs:
        return "<h2>Conflicts</h2><p>No two of these beads conflict.</p>"
    found = _by_bead(pairs)
    rows = "".join(
        f"<tr><td>{escape(_named(bead, titles))}<td>{escape(_few([_named(one, titles) for one in met]))}"
        f"<td><code>{escape(_few([_shown(path) for path in paths]))}</code>"
        for bead, met, paths in found[:_MOST_ROWS]
    )
    more = f"<p class=soft>… and {len(found) - _MOST_ROWS} more beads" if len(found) > _MOST_ROWS else ""
    head = "<tr><th>Bead<th>meets<th>in</tr>"
    return f"<h2>Conflicts</h2><p>{escape(_sentence(result))}</p><table>{head}{rows}</table>{more}"


def _by_bead(pairs: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str], list[str]]]:
    """Each bead with all that it meets and all paths, those that meet most first."""
    met: dict[str, list[str]] = {}
    paths: dict[str, dict[str, None]] = {}
    for pair in pairs:
        met.setdefault(pair["bead"], []).append(pair["earlier"])
        paths.setdefault(pair["bead"], {}).update(dict.fromkeys(pair["paths"]))
    order = sorted(met, key=lambda bead: -len(met[bead]))
    return [(bead, met[bead], list(paths[bead])) for bead in order]


def _few(texts: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
    return ", ".join(texts[:_MOST_NAMED]) + more


def _sentence(result: dict[str, Any]) -> str:
    alone, beads = result["conflicting_alone"], result["beads"]
    text = f"{alone} of {beads} beads conflict if they start from the base like everybody else."
    runs = result["resolver_runs"]
    if runs:
        dollars = sum(one["cost_usd"] for one in result["resolutions"])
        settled = f"{_counted(runs, 'resolver')} settled {_counted(result['conflicts'], 'conflict')}"
        text += f" In this run {settled} for ${dollars:.2f} at list price."
    elif result["plan"] != "none":
        text += " With the dependencies of this plan none of them met."
    return text


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _named(bead: str, titles: Mapping[str, str]) -> str:
    title = titles.get(bead, "")
    return f"{bead} {title if len(title) <= 50 else title[:49] + '…'}".rstrip()


def _shown(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
