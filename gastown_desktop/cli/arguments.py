"""What the command line understands."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import time
from decimal import Decimal, InvalidOperation
from pathlib import Path

from gastown_desktop import __version__
from gastown_desktop.core.allowed_hosts import parse_host
from gastown_desktop.core.money import usd
from gastown_desktop.core.polecat import MOST_POLECATS
from gastown_desktop.core.prices import Price, typed_price
from gastown_desktop.engine.plan_kinds import PLAN_KINDS

DEFAULT_LAST = 12


def parser() -> argparse.ArgumentParser:
    """The whole grammar."""
    top = argparse.ArgumentParser(
        prog="gastown-desktop",
        description="Run a fleet of coding agents on a git repository, under a cap that is never passed. "
        "Without a command, or with a folder, it shows the window.",
    )
    top.add_argument("--version", action="version", version=f"gastown-desktop {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (fill, words) in COMMANDS.items():
        fill(commands.add_parser(name, help=words))
    return top


def _rehearse(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", metavar="REPO", help="a git repository, or the word: sample")
    span = command.add_mutually_exclusive_group()
    span.add_argument("--last", type=_count, default=DEFAULT_LAST, metavar="N", help="how many commits (12)")
    span.add_argument("--range", dest="span", metavar="A..B", help="which commits instead")
    command.add_argument("--polecats", type=_fleet, metavar="N", help="how many workers, 1 to 30 (6)")
    plan = command.add_mutually_exclusive_group()
    plan.add_argument(
        "--plan",
        choices=PLAN_KINDS,
        default="true",
        help="beads wait for what they need (true), for earlier ones on their files (predicted), or not",
    )
    plan.add_argument(
        "--parallel", dest="plan", action="store_const", const="none", help="the same as --plan none"
    )
    _gates(command)
    _preparation(command)
    command.add_argument("--trust", action="store_true", help="allow what the repository would run")
    command.add_argument("--cap", type=_money, metavar="USD", help="limit at list price (100)")
    command.add_argument(
        "--pace", choices=("full", "real"), default="full", help="how fast the model streams"
    )
    command.add_argument("--land-each", action="store_true", help="land each merged prefix at once")
    command.add_argument(
        "--chaos", type=int, metavar="SEED", help="let things go wrong on purpose, the same for a seed"
    )
    command.add_argument("--strict-gates", action="store_true", help="refuse gates that notice nothing")
    command.add_argument("--report", type=Path, metavar="DIR", help="write the evidence report there")
    _output(command)
    _data(command)


def _run(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", metavar="REPO", help="a git repository")
    command.add_argument("--goal", metavar="TEXT", help="what is to be done; the Mayor plans it")
    command.add_argument(
        "--beads", type=Path, metavar="FILE", help="a plan made elsewhere: issues.jsonl, or a draft convoy"
    )
    command.add_argument("--cap", type=_money, required=True, metavar="USD", help="the limit, never passed")
    command.add_argument("--bead-cap", type=_money, metavar="USD", help="what one bead may cost")
    command.add_argument("--per-hour", type=_money, metavar="USD", help="what an hour is to cost at most")
    command.add_argument("--polecats", type=_fleet, metavar="N", help="how many workers, 1 to 30 (6)")
    command.add_argument("--model", metavar="ID", help="the fleet's model")
    command.add_argument("--base-url", metavar="URL", help="another provider of the Messages API")
    command.add_argument(
        "--price", type=_price, metavar="IN/OUT", help="what the model costs, in dollars per million tokens"
    )
    command.add_argument("--on", metavar="BRANCH", help="the branch to start from and to land on")
    _gates(command)
    _preparation(command)
    command.add_argument("--trust", action="store_true", help="allow what the repository would run")
    command.add_argument(
        "--allow-host",
        dest="allowed_hosts",
        action="append",
        type=_host,
        default=[],
        metavar="HOST[:PORT]",
        help="a host that workers and gates may reach (443); without one they have no network",
    )
    command.add_argument("--strict-gates", action="store_true", help="refuse gates that notice nothing")
    _acknowledge(command)
    command.add_argument(
        "--review", action="store_true", help="let a reviewer read what is handed in before it merges"
    )
    command.add_argument("--pilot", action="store_true", help="try two beads first, for at most $2")
    _away(command)
    command.add_argument("--plan-only", action="store_true", help="plan, and start no worker")
    command.add_argument("--yes", action="store_true", help="run the plan without asking")
    command.add_argument("--land", action="store_true", help="land it when everything is merged")
    _stay(command)
    _printed(command)
    _data(command)


def _key(command: argparse.ArgumentParser) -> None:
    command.add_argument("action", choices=("set", "remove", "test"))
    command.add_argument("--base-url", metavar="URL", help="another provider of the Messages API")
    _data(command)


def _models(command: argparse.ArgumentParser) -> None:
    command.add_argument("--base-url", metavar="URL", help="another provider of the Messages API")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    _data(command)


def _acknowledge(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--acknowledge", action="store_true", help="you looked at the request that cost more than its bound"
    )


def _away(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--unattended",
        nargs="?",
        type=_clock,
        const=True,
        metavar="UNTIL",
        help="take a question's default when nobody answers; until a time of the day, such as 07:00",
    )
    command.add_argument(
        "--unattended-cap", type=_money, metavar="USD", help="what may be spent while unattended"
    )


def _stay(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--stay", action="store_true", help="hold the repository afterwards, and take lines: goal, answer, …"
    )


def _preparation(command: argparse.ArgumentParser) -> None:
    _setup_hosts(command)
    command.add_argument(
        "--copy", action="store_true", help="copy the ignored files that the repository proposes"
    )


def _setup_hosts(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--setup-host",
        dest="setup_hosts",
        action="append",
        type=_host,
        default=[],
        metavar="HOST[:PORT]",
        help="a host that setup may reach besides (443)",
    )


def _gates(command: argparse.ArgumentParser) -> None:
    gates = command.add_mutually_exclusive_group()
    gates.add_argument(
        "--gate", dest="gates", action="append", default=[], metavar="CMD", help="a command that must succeed"
    )
    gates.add_argument("--no-gate", action="store_true", help="run nothing of the repository")


def _resume(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", metavar="REPO")
    command.add_argument("--cap", type=_money, metavar="USD", help="set a new limit first")
    command.add_argument("--trust", action="store_true", help="allow what the repository would run now")
    _setup_hosts(command)
    _acknowledge(command)
    _away(command)
    command.add_argument("--yes", action="store_true", help="run what was only planned so far without asking")
    command.add_argument("--land", action="store_true", help="land real work when everything is merged")
    _stay(command)
    command.add_argument("--report", type=Path, metavar="DIR", help="write the evidence report there")
    _output(command)
    _data(command)


def _status(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", metavar="REPO")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    _data(command)


def _inbox(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", metavar="REPO")
    command.add_argument("action", nargs="?", choices=("answer",), help="answer an item")
    command.add_argument("item", nargs="?", metavar="ITEM", help="its name as listed, or its bead's")
    command.add_argument("text", nargs="*", metavar="TEXT", help="the answer")
    command.add_argument("--json", action="store_true", help="print the items as JSON")
    _data(command)


def _hands(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", metavar="REPO")
    command.add_argument("bead", metavar="BEAD")
    _data(command)


def _land(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", metavar="REPO")
    command.add_argument("--on", metavar="BRANCH", help="the branch to land on; a rehearsal needs it")
    command.add_argument("--remote", metavar="NAME", help="also push it there, never by force")
    command.add_argument(
        "--pull-request", action="store_true", help="push a branch for review instead of moving yours"
    )
    _asked(command)


def _undo_land(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", metavar="REPO")
    command.add_argument("--remote", metavar="NAME", help="where it was pushed, if not where it landed")
    _asked(command)


def _drop(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", metavar="REPO")
    command.add_argument("beads", nargs="+", metavar="BEAD")
    dependants = command.add_mutually_exclusive_group()
    dependants.add_argument("--with-dependants", action="store_true", help="drop what waits for it as well")
    dependants.add_argument("--keep-dependants", action="store_true", help="keep what waits for it")
    _asked(command)


def _asked(command: argparse.ArgumentParser) -> None:
    command.add_argument("--yes", action="store_true", help="do it without asking")
    command.add_argument("--trust", action="store_true", help="allow what the repository would run")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    _data(command)


def _audit(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", metavar="REPO")
    command.add_argument("--polecat", metavar="NAME")
    command.add_argument("--at", metavar="TIME", help="around this time: 2026-05-01T03:00 or 03:00, local")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    _data(command)


def _beads(command: argparse.ArgumentParser) -> None:
    command.add_argument("action", choices=("import", "export"))
    command.add_argument("repo", metavar="REPO")
    command.add_argument("file", type=Path, metavar="FILE", help="issues.jsonl")
    _data(command)


def _export(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", metavar="REPO")
    command.add_argument("folder", type=Path, metavar="DIR", help="a folder that is not there yet, or empty")
    command.add_argument("--json", action="store_true", help="print what was written as one JSON object")
    _data(command)


def _forget(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", metavar="REPO")
    command.add_argument("--yes", action="store_true", help="do it without asking")
    command.add_argument(
        "--even-unlanded", action="store_true", help="with --yes: also work that is nowhere else"
    )
    command.add_argument("--json", action="store_true", help="print what went as one JSON object")
    _data(command)


def _import_town(command: argparse.ArgumentParser) -> None:
    command.add_argument("path", type=Path, metavar="PATH", help="an open-source Gas Town folder, often ~/gt")
    command.add_argument("--rig", metavar="NAME", help="the rig whose beads are imported, or the word: town")
    command.add_argument("--into", metavar="REPO", help="the repository that they are for")
    command.add_argument("--closed", action="store_true", help="import finished beads as well")
    command.add_argument("--json", action="store_true", help="print what was found as one JSON object")
    _data(command)


def _publish(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", metavar="REPO")
    command.add_argument(
        "branches",
        nargs="*",
        metavar="BRANCH",
        help="a convoy, a bead, or a branch of town.git (newest convoy)",
    )
    command.add_argument(
        "--as",
        dest="prefix",
        default="gastown",
        metavar="PREFIX",
        help="what your branches begin with (gastown)",
    )
    command.add_argument("--json", action="store_true", help="print the branches as one JSON object")
    _data(command)


def _report(command: argparse.ArgumentParser) -> None:
    command.add_argument("repo", nargs="?", metavar="REPO")
    command.add_argument("convoy", nargs="?", metavar="CONVOY", help="the newest one when left out")
    command.add_argument("--hourly-rate", type=_money, metavar="USD", help="what an hour of yours is worth")
    command.add_argument("--hours", metavar="N", help="how long you think it would have taken you")
    command.add_argument("--month", metavar="YYYY-MM", help="a statement over all convoys instead")
    output = command.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON object")
    output.add_argument("--md", action="store_true", help="print plain Markdown, also on a terminal")
    output.add_argument("--csv", action="store_true", help="of a month: print every line, comma-separated")
    _data(command)


def _tour(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the pictures")
    command.add_argument(
        "--story", choices=("harbor", "sample"), default="harbor", help="a told story, or a real rehearsal"
    )
    command.add_argument("--theme", choices=("light", "dark", "both"), default="both")
    command.add_argument("--scale", type=float, default=1.0, metavar="N", help="pixels per pixel (1)")
    command.add_argument("--on-screen", action="store_true", help="show the window meanwhile")
    _data(command)


def _output(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--check", action="store_true", help="replay all landings with plain git at the end and compare"
    )
    _printed(command)


def _printed(command: argparse.ArgumentParser) -> None:
    output = command.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON object at the end")
    output.add_argument(
        "--json-lines", action="store_true", help="print every event as JSON, then the object"
    )


def _data(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data-dir", type=Path, metavar="DIR", help="keep everything there instead")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _fleet(text: str) -> int:
    number = _count(text)
    if number > MOST_POLECATS:
        raise argparse.ArgumentTypeError(f"at most {MOST_POLECATS}")
    return number


def _money(text: str) -> int:
    try:
        return usd(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _host(text: str) -> str:
    try:
        return str(parse_host(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _clock(text: str) -> time:
    if re.fullmatch(r"\d?\d:\d\d", text):
        with suppress(ValueError):
            return time.fromisoformat(text.zfill(5))
    raise argparse.ArgumentTypeError(f"{text} is no time of the day; write it as 07:00")


def _price(text: str) -> Price:
    into, separator, out = text.partition("/")
    try:
        return typed_price(Decimal(into), Decimal(out if separator else ""))
    except (InvalidOperation, ValueError):
        raise argparse.ArgumentTypeError(f"{text} is no price; write it as 3/15") from None


COMMANDS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str]] = {
    "rehearse": (_rehearse, "run the fleet on your own history, for $0"),
    "run": (_run, "let a fleet work towards a goal, under a limit"),
    "status": (_status, "where the newest convoy stands"),
    "resume": (_resume, "go on with what was interrupted"),
    "inbox": (_inbox, "what waits for you, and your answers"),
    "take-over": (_hands, "work on a bead's copy by hand"),
    "give-back": (_hands, "let its worker go on from what you made"),
    "land": (_land, "bring the newest convoy onto a branch of yours"),
    "undo-land": (_undo_land, "take the newest convoy off that branch again"),
    "drop": (_drop, "take a bead out of the newest convoy"),
    "audit": (_audit, "what a worker did, and when"),
    "report": (_report, "what a convoy cost, and whether it was worth it"),
    "beads": (_beads, "import or export beads as JSON lines"),
    "publish": (_publish, "copy branches of the work into your repository"),
    "export": (_export, "write everything of a repository's work into a folder"),
    "forget": (_forget, "delete everything that is kept of a repository's work"),
    "import-town": (_import_town, "look through an open-source Gas Town folder, and take its beads over"),
    "key": (_key, "keep, remove or test a provider's key in the keyring"),
    "models": (_models, "what a provider offers, and what it costs"),
    "tour": (_tour, "save a picture of every screen"),
}
"""Each command with what fills its grammar, and what it does."""
