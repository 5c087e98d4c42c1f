"""`publish`: branches of the town as branches of the user's repository."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from gastown_desktop.cli.progress import printable
from gastown_desktop.wiring.publishing import publish
from gastown_desktop.wiring.sample import sample_folder
from gastown_desktop.wiring.workplace import open_workplace

_DONE = {"created": "is new", "moved": "went forward", "there": "was there already"}


async def publish_branches(given: argparse.Namespace) -> int:
    """Copies branches; returns the exit code."""
    repo = sample_folder(given.data_dir) if given.repo == "sample" else Path(given.repo)
    workplace = await open_workplace(repo, given.data_dir)
    try:
        done = await publish(workplace, given.branches, given.prefix)
    finally:
        await workplace.close()
    if given.json:
        listed = [
            {
                "source": one.source,
                "branch": one.published.branch,
                "commit": one.published.commit,
                "outcome": one.published.outcome,
            }
            for one in done
        ]
        print(json.dumps({"branches": listed}))
        return 0
    for one in done:
        branch = one.published
        print(printable(f"{branch.branch} {_DONE[branch.outcome]}, at {branch.commit[:10]} ({one.source})."))
    return 0
