"""From arguments to an exit code."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys

from gastown_desktop.adapters.memory import keep_together
from gastown_desktop.cli.arguments import parser
from gastown_desktop.cli.asking import Unanswered
from gastown_desktop.cli.gone import NOBODY_READS, Ends
from gastown_desktop.core.errors import (
    ConvoyError,
    DiskFull,
    GasTownError,
    KeyringUnavailable,
    Refused,
    UnknownPrice,
)
from gastown_desktop.core.plain_text import printable
from gastown_desktop.engine.rehearsal_result import DOES_NOT_HOLD, REFUSED
from gastown_desktop.logs import keep_no_core, start_logging
from gastown_desktop.paths import data_folder
from gastown_desktop.wiring.troubles import trouble_of

CANCELLED = 130
_REFUSALS = (Refused, ConvoyError, DiskFull, UnknownPrice, KeyringUnavailable)
"""Errors that come before anything was done."""
_WORKING = frozenset({"rehearse", "run", "resume"})
"""Commands that work on a convoy."""


def run(arguments: list[str]) -> int:
    """Runs one command; returns the exit code."""
    given = parser().parse_args(arguments)
    _watch_children_without_threads()
    keep_no_core()
    keep_together()
    # without a log file, or space in it, the sentence on standard error is all there is to say
    logging.lastResort, logging.raiseExceptions = None, False
    ends = Ends()
    with ends.watching():
        return _run(given, ends)


def _run(given: argparse.Namespace, ends: Ends) -> int:
    """Runs one command and says why it ended early; returns the exit code."""
    try:
        start_logging(data_folder(given.data_dir) / "logs")
        if given.command == "tour":
            from gastown_desktop.tour.command import tour

            code = tour(given)
        else:
            code = asyncio.run(ends.heeded(_command(given)))
        sys.stdout.flush()
    except (KeyboardInterrupt, asyncio.CancelledError) as end:
        unread = ends.unread and not isinstance(end, KeyboardInterrupt)
        if not unread or given.command in _WORKING:
            why = "Nobody reads the output any more, so this ended." if unread else "Cancelled."
            _say(f"{why} {_left_by(given.command)}")
        return NOBODY_READS if unread else CANCELLED
    except (GasTownError, OSError, BaseExceptionGroup) as error:
        return _fail(error)
    return NOBODY_READS if ends.unread else code


async def _command(given: argparse.Namespace) -> int:
    """Runs the command that was named; each brings in only what it needs."""
    match given.command:
        case "rehearse":
            from gastown_desktop.cli.rehearse import rehearse

            return await rehearse(given)
        case "run":
            from gastown_desktop.cli.run import run_goal

            return await run_goal(given)
        case "resume":
            from gastown_desktop.cli.resume import resume

            return await resume(given)
        case "report":
            from gastown_desktop.cli.report import report

            return await report(given)
        case "key" | "models":
            from gastown_desktop.cli import providers

            return await providers.COMMANDS[given.command](given)
        case _:
            return await _about_a_convoy(given)


async def _about_a_convoy(given: argparse.Namespace) -> int:
    """Runs a command about a convoy that exists, or its beads."""
    match given.command:
        case "status" | "audit":
            from gastown_desktop.cli import status

            return await {"status": status.status, "audit": status.audit}[given.command](given)
        case "inbox":
            from gastown_desktop.cli.inbox import inbox

            return await inbox(given)
        case "take-over" | "give-back":
            from gastown_desktop.cli import taking_over

            return await {"take-over": taking_over.take, "give-back": taking_over.give}[given.command](given)
        case "land" | "undo-land" | "drop":
            from gastown_desktop.cli import land

            command = {"land": land.land, "undo-land": land.undo_land, "drop": land.drop_beads}
            return await command[given.command](given)
        case "beads":
            from gastown_desktop.cli.beads import beads

            return await beads(given)
        case _:
            return await _leave_or_come(given)


async def _leave_or_come(given: argparse.Namespace) -> int:
    """Runs a command by which work leaves the program, or comes into it."""
    match given.command:
        case "publish":
            from gastown_desktop.cli.publish import publish_branches

            return await publish_branches(given)
        case "export":
            from gastown_desktop.cli.export import export_rig

            return await export_rig(given)
        case "forget":
            from gastown_desktop.cli.forget import forget_rig

            return await forget_rig(given)
        case _:
            from gastown_desktop.cli.import_town import import_town

            return await import_town(given)


def _left_by(command: str) -> str:
    """What a command that is cut short leaves, as a sentence."""
    if command in _WORKING:
        return "Everything finished is kept; go on with `gastown-desktop resume`."
    if command == "forget":
        return "What is not deleted yet is kept; `gastown-desktop forget` deletes the rest."
    return "Everything finished is kept."


def _fail(error: BaseException) -> int:
    """Says what happened, what is safe and what to do."""
    trouble = trouble_of(error)
    if trouble is None:
        raise error
    _say(trouble.whole)
    if isinstance(trouble, Unanswered):
        return CANCELLED
    return REFUSED if isinstance(trouble, _REFUSALS) else DOES_NOT_HOLD


def _say(text: str) -> None:
    print(printable(text), file=sys.stderr)


def _watch_children_without_threads() -> None:
    """Python 3.11 starts a thread per child unless told to use pidfds, as later versions do."""
    if sys.version_info < (3, 12) and hasattr(asyncio, "PidfdChildWatcher"):
        asyncio.get_event_loop_policy().set_child_watcher(asyncio.PidfdChildWatcher())
