"""`forget`: everything that is kept of a repository goes, and nothing in the repository itself."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from gastown_desktop.cli.asking import ask_yes
from gastown_desktop.cli.progress import printable
from gastown_desktop.core.disk import show_bytes
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.money import json_usd, show_usd
from gastown_desktop.core.wording import plural
from gastown_desktop.wiring.forgetting import Holdings, forget, holdings, lock_rig, ways_to_keep
from gastown_desktop.wiring.sample import sample_folder
from gastown_desktop.wiring.workplace import Workplace, open_kept

_SAFE = "Nothing was changed."


async def forget_rig(given: argparse.Namespace) -> int:
    """Shows what would go, asks, and deletes it; returns the exit code."""
    repo = sample_folder(given.data_dir) if given.repo == "sample" else Path(given.repo)
    workplace = await open_kept(repo, given.data_dir)
    try:
        lock_rig(workplace)
        found = await holdings(workplace)
        summary = printable("\n".join(_summary(workplace, found)))
        if found.unlanded and not (given.yes and given.even_unlanded):
            raise Refused(
                f"{summary}\nThis is not landed anywhere.", safe=_SAFE, remedy=ways_to_keep(given.repo)
            )
        if not given.yes:
            await _ask(summary)
        await forget(workplace)
    finally:
        await workplace.close()
    if given.json:
        print(json.dumps(_as_json(workplace, found)))
    else:
        print(
            printable(f"Forgotten: {show_bytes(found.size)} of {workplace.rig.id}. {_money(found)}".strip())
        )
    return 0


def _summary(workplace: Workplace, found: Holdings) -> list[str]:
    lines = [f"This goes ({workplace.rig.id}, {plural(found.convoys, 'convoy')}, {show_bytes(found.size)}):"]
    lines += [f"  {show_bytes(part.size):>10}  {part.what}: {part.path}" for part in found.parts]
    if found.trusted:
        lines.append("  that you trust what the repository runs")
    lines += [f"  NOT LANDED: {words}" for words in found.unlanded]
    lines += [words for words in (_money(found),) if words]
    place = workplace.rig.checkout
    lines.append(f"{place} stays as it is." if place.exists() else f"{place} is not there any more.")
    return lines


def _money(found: Holdings) -> str:
    if not found.spent:
        return ""
    return f"{show_usd(found.spent)} that it cost stay in the ledger, and count against the caps of the day."


async def _ask(summary: str) -> None:
    """Shows what would go and waits for a yes.

    Raises:
        Refused: nobody can be asked, or the answer is no.
        Unanswered: the user interrupts.
    """
    if not sys.stdin.isatty():
        raise Refused(f"{summary}\nNobody can be asked here.", safe=_SAFE, remedy="Add --yes to agree.")
    print(summary)
    await ask_yes("Forget all of it?")


def _as_json(workplace: Workplace, found: Holdings) -> dict[str, object]:
    return {
        "rig": workplace.rig.id,
        "bytes": found.size,
        "convoys": found.convoys,
        "unlanded": found.unlanded,
        "kept_in_ledger_usd": json_usd(found.spent),
        "removed": [{"what": part.what, "path": str(part.path), "bytes": part.size} for part in found.parts],
    }
