"""What `rehearse`, `run` and `resume` share: gates, progress, a run to its end, and its result."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from typing import Any

from rich.console import Console
from rich.markdown import Markdown

from gastown_desktop.adapters.gate_proposals import propose_gates
from gastown_desktop.adapters.git.user_repository import Fingerprint
from gastown_desktop.adapters.repository_config import RepositoryConfig
from gastown_desktop.adapters.settings_file import Settings
from gastown_desktop.cli.progress import Progress
from gastown_desktop.core.allowed_hosts import listed_hosts
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.plain_text import printable
from gastown_desktop.core.preparation import Preparation
from gastown_desktop.engine.evidence import as_markdown
from gastown_desktop.engine.gates import Gate
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.rehearsal import StoredRehearsal
from gastown_desktop.engine.rehearsal_result import exit_code
from gastown_desktop.engine.work_result import work_exit_code, work_markdown
from gastown_desktop.wiring.preparing import find_preparation
from gastown_desktop.wiring.rehearsing import write_report
from gastown_desktop.wiring.running import Listening
from gastown_desktop.wiring.stored import running
from gastown_desktop.wiring.workplace import Workplace


async def rehearse_to_end(
    given: argparse.Namespace,
    workplace: Workplace,
    objects: GitObjects,
    rehearsal: StoredRehearsal,
    progress: Progress,
    before: Fingerprint,
    *,
    cap: int | None = None,
) -> dict[str, Any]:
    """Runs a rehearsal to its end, under another cap (nano-dollars) where one is given, and measures it."""
    async with running(workplace, objects, rehearsal, before) as run:
        progress.watch(run.town.kit.bus, run.town.gate)
        say_sandbox(run.town.sandbox.confined, progress)
        if cap is not None:
            await run.change(cap=cap)
        hooks = await run.begin()
        await run.work(run.whole_town(), hooks)
        result = await run.result(listening(progress), checked=given.check)
    if given.report is not None:
        write_report(given.report, result)
    return result


def say_sandbox(confined: bool, progress: Progress) -> None:
    """Says where commands run with the user's rights."""
    if not confined:
        progress.say("No sandbox is at hand: gates and commands run with your rights.")


def listening(progress: Progress) -> Listening:
    """Lets sentences and planning be shown."""
    return Listening(say=lambda text: progress.say(printable(text)), planned=progress.planned)


async def gates_of(
    given: argparse.Namespace,
    workplace: Workplace,
    objects: GitObjects,
    tip: Oid,
    config: RepositoryConfig,
    progress: Progress,
) -> tuple[Gate, ...]:
    """The gates that were asked for, else those that the repository proposes at a commit."""
    if given.no_gate:
        return ()
    if given.gates:
        return _named(given.gates)
    if config.ignored:
        progress.say(f".gastown.toml: ignored, not for a repository to set: {', '.join(config.ignored)}")
    if not config.gates:
        progress.say("No gate is configured: nothing will be tested. Give one with --gate.")
        for proposal in propose_gates(await workplace.gate_hints(objects, tip)):
            progress.say(f"  --gate {shlex.quote(proposal.command)}: {proposal.reason}")
    return config.gates


async def preparation_of(
    given: argparse.Namespace,
    workplace: Workplace,
    config: RepositoryConfig,
    settings: Settings,
    progress: Progress,
) -> Preparation:
    """What working folders are to be prepared with; with `--no-gate` nothing of the repository runs."""
    return await find_preparation(
        workplace,
        config,
        runs=not given.no_gate,
        copies=given.copy or settings.copy_files,
        hosts=listed_hosts(given.setup_hosts or settings.setup_hosts),
        say=progress.say,
    )


def _named(commands: tuple[str, ...] | list[str]) -> tuple[Gate, ...]:
    return tuple(Gate(f"gate {number}", command) for number, command in enumerate(commands, 1))


def show(given: argparse.Namespace, result: dict[str, Any], *, plan_only: bool = False) -> int:
    """Prints a result; returns the exit code."""
    rehearsed = "expected_tree" in result
    words = as_markdown(result) if rehearsed else work_markdown(result)
    if given.json or given.json_lines:
        print(json.dumps(result), flush=True)
    elif sys.stdout.isatty():
        Console().print(Markdown(printable(words), hyperlinks=False))
    else:
        print(printable(words), flush=True)
    return exit_code(result) if rehearsed else work_exit_code(result, plan_only=plan_only)


def say_oddities(workplace: Workplace, progress: Progress) -> None:
    """Says what of the user's checkout is not part of the work."""
    facts = workplace.facts
    if facts.dirty:
        progress.say("You have uncommitted changes; they stay as they are and are not part of this.")
    if facts.head_branch is None:
        progress.say("HEAD is detached; its commit is what counts.")
