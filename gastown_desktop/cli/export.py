"""`export`: everything of a repository's work in a folder that is read without the program."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from gastown_desktop.cli.progress import printable
from gastown_desktop.core.wording import plural
from gastown_desktop.engine.rehearsal_result import DOES_NOT_HOLD, HOLDS
from gastown_desktop.wiring.exporting import INDEX, export
from gastown_desktop.wiring.sample import sample_folder
from gastown_desktop.wiring.workplace import open_kept


async def export_rig(given: argparse.Namespace) -> int:
    """Writes it; 1 when something could not be read and was left out, which is said."""
    repo = sample_folder(given.data_dir) if given.repo == "sample" else Path(given.repo)
    workplace = await open_kept(repo, given.data_dir)
    try:
        exported = await export(workplace, given.folder)
    finally:
        await workplace.close()
    code = DOES_NOT_HOLD if exported.left_out else HOLDS
    if given.json:
        print(json.dumps({"exit": code, **asdict(exported), "folder": str(exported.folder)}))
        return code
    counts = (
        f"{plural(len(exported.convoys), 'convoy')}, {plural(len(exported.branches), 'branch', 'branches')}, "
        f"{plural(sum(one.transcripts for one in exported.convoys), 'transcript')} and "
        f"{plural(exported.requests, 'request')}"
    )
    print(printable(f"{counts} are in {exported.folder}; {INDEX} there says what is where."))
    for words in exported.left_out:
        print(printable(f"Left out: {words}"), file=sys.stderr)
    return code
