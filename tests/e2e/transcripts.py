"""Transcripts replay byte-identically, also of a run that was killed at any request.

    python -m tests.e2e.transcripts                          60 beads, 30 workers, faults, 3 kills
    python -m tests.e2e.transcripts --beads 8 --polecats 4 --kills 0 --faults no
    python -m tests.e2e.transcripts --every-request          killed before, while and after each

After a run the request of each recorded turn is built again from town.git alone and held against what the
server saw (tests/messages_api). Ends with exit code 1 if any differs, if the server refused a list of
messages, or if a bead is neither merged nor in Needs you.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2

from gastown_desktop.adapters.claude import ClaudeMessages
from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.core.errors import ModelError
from gastown_desktop.core.ids import ConvoyId, Oid
from gastown_desktop.engine.circles import TOWN_SAYS
from gastown_desktop.engine.conversation import CLEARED, NUDGE, SILENCE, Conversation
from gastown_desktop.engine.hooks import Hook, Hooks
from gastown_desktop.engine.looking.tools import LOOKING_NAMES
from gastown_desktop.engine.planning.session import Session, Sessions
from gastown_desktop.engine.planning.talk import Talk
from gastown_desktop.engine.polecat import CUT_WORDS
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.preambles import Preamble, read_preamble
from gastown_desktop.engine.rig import RefNames
from gastown_desktop.engine.work import stored_work
from tests.e2e.hard_work import KINDS, MODEL, goal, make_repository, script
from tests.e2e.money_soak import FAULTS
from tests.e2e.real_work import GATE, KEY
from tests.fakes.clock import FakeClock
from tests.messages_api.holding import MOMENTS
from tests.messages_api.running import ROOT, RunningServer, running
from tests.messages_api.values import digest_of, hash_of

NANO = 1_000_000_000
_CAP = 25
_RUN_S = 900
_LOOKS_EVERY_S = 0.3
WAYS = {
    "cleared": CLEARED,
    "afresh": "what was said is cleared",
    "the Mayor afresh": "The talk became too long",
    "nudged": NUDGE,
    "in circles": TOWN_SAYS,
    "cut": CUT_WORDS[:60],
    "silent": SILENCE,
    "malformed": '"malformed"',
    "resolver": "Your copy holds a merge as git left it",
    "red": "Your work was put on what was merged meanwhile",
}
"""Words of a request by which one knows what happened before it."""
_TRANSCRIPT = re.compile(r"^Gastown-Transcript: (\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A request as a transcript has it."""

    chain: str
    """The ref or the merged commit whose transcript it is of."""
    number: int
    """Of its turn."""
    reply: str
    """Id of the reply that was recorded; empty for the turn that would come next."""
    request: ModelRequest
    """With any `max_tokens`."""


@dataclass(slots=True, kw_only=True)
class Replay:
    """How the transcripts of a run compare with what the server saw."""

    turns: int = 0
    """Recorded turns, each counted once however many transcripts hold it."""
    equal: int = 0
    """Those whose request came out as it was sent, to the byte."""
    requests: int = 0
    """Requests of workers and the Mayor that the server read."""
    repeats: int = 0
    """Those among them that led to no recorded turn and asked what a recorded or the next turn asks."""
    ways: set[str] = field(default_factory=set[str])
    """What happened to conversations, as far as a request that was sent shows it."""
    problems: list[str] = field(default_factory=list[str])


# --- from town.git to requests ------------------------------------------------------------------------


@asynccontextmanager
async def _town(data: Path, scratch: Path) -> AsyncIterator[PygitObjects]:
    (folder,) = data.glob("rigs/*/town.git")  # noqa: ASYNC240 - nobody else waits
    launcher = LocalLauncher(scratch / "launcher" / "children.journal")
    git = shutil.which("git")
    assert git
    objects = PygitObjects(GitCommand(launcher, Path(git), scratch / "no-hooks"), folder)
    try:
        yield objects
    finally:
        objects.close()
        await launcher.close()


async def rebuild(objects: PygitObjects) -> list[Rebuilt]:
    """Every request that the transcripts of all convoys of a town lead to, each conversation in its order."""
    found: list[Rebuilt] = []
    for convoy in await stored_work(objects):
        refs = RefNames(ConvoyId(convoy), rehearsal=False)
        hooks = Hooks(objects, refs, FakeClock())
        for name, head in (await _chains(objects, refs)).items():
            found += [one async for one in _of_hook(objects, name, await hooks.load(head))]
        session = await Sessions(objects, refs.mayor, FakeClock()).load()
        found += [one async for one in _of_mayor(objects, refs.mayor, session)]
    return found


async def _chains(objects: PygitObjects, refs: RefNames) -> dict[str, Oid]:
    """Hooks of those at work, transcripts of attempts that ended, and what merged commits name."""
    chains = {**await objects.list_refs(refs.hooks), **await objects.list_refs(refs.transcripts)}
    tip = await objects.read_ref(refs.convoy_branch)
    for commit in await objects.first_parents(tip, 1_000) if tip else []:
        if named := _TRANSCRIPT.search(commit.message):
            chains[f"commit {commit.oid}"] = Oid(named[1])
    return chains


async def _of_hook(objects: PygitObjects, chain: str, hook: Hook) -> AsyncIterator[Rebuilt]:
    task, said = hook.assignment.task, hook.assignment.said
    preamble = None
    for at, turn in enumerate(hook.turns):
        assert turn.preamble is not None
        preamble = await read_preamble(objects, turn.preamble)
        talk = Conversation(preamble.system, task, hook.turns[:at], said, clear_at=preamble.clear_at)
        yield _rebuilt(chain, turn.number, turn.request_id, talk, preamble)
    if preamble is not None:
        talk = Conversation(preamble.system, task, hook.turns, said, clear_at=preamble.clear_at)
        yield _rebuilt(chain, len(hook.turns) + 1, "", talk, preamble)


async def _of_mayor(objects: PygitObjects, chain: str, session: Session) -> AsyncIterator[Rebuilt]:
    entries = session.entries
    for at, entry in enumerate(entries):
        if entry.who == "mayor":
            assert entry.preamble is not None
            preamble = await read_preamble(objects, entry.preamble)
            talk = Talk(
                preamble.system,
                preamble.tools,
                entries[:at],
                looking=LOOKING_NAMES,
                clear_at=preamble.clear_at,
            )
            yield _rebuilt(chain, entry.number, entry.request_id, talk, preamble)


def _rebuilt(chain: str, number: int, reply: str, talk: Conversation | Talk, preamble: Preamble) -> Rebuilt:
    request = talk.request(preamble.model, 1)
    request = replace(request, tools=preamble.tools, thinks=preamble.thinks)
    return Rebuilt(chain=chain, number=number, reply=reply, request=request)


# --- from requests to bytes ---------------------------------------------------------------------------


class _Catching(httpx2.AsyncBaseTransport):
    """Keeps what would be sent."""

    body = b""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.body = await request.aread()
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, request=request)


async def body_of(request: ModelRequest, base_url: str) -> bytes:
    """The bytes that the product's own client sends for a request."""
    catching = _Catching()
    client = ClaudeMessages(api_key=KEY, base_url=base_url, transport=catching)
    with suppress(ModelError):
        async with aclosing(client.stream(request, reservation="")) as events:
            async for _ in events:
                pass
    await client.close()
    return catching.body


# --- what was sent ------------------------------------------------------------------------------------


async def compare(data: Path, scratch: Path, server: RunningServer) -> Replay:
    """Holds the transcripts of a data folder against what the server saw."""
    seen = [one for one in server.requests() if one.get("role") in {"mayor", "polecat"}]
    at = {one["message"]: place for place, one in enumerate(seen) if one["status"] == 200}
    async with _town(data, scratch) as objects:
        rebuilt = await rebuild(objects)
    replay = Replay(requests=len(seen))
    known: set[str] = set()
    recorded: set[str] = set()
    last: dict[str, int] = {}
    for one in rebuilt:
        place = at.get(one.reply)
        where = f"{one.chain} turn {one.number}"
        limit = seen[place]["max_tokens"] if place is not None else 1
        body = await body_of(replace(one.request, max_tokens=limit), server.url)
        asked = digest_of(json.loads(body))
        known.add(asked)
        if not one.reply:
            continue
        replay.ways |= {way for way, words in WAYS.items() if words in body.decode()}
        if place is None:
            replay.problems.append(f"{where}: the server sent no reply {one.reply}")
            continue
        if place <= last.get(one.chain, -1):
            replay.problems.append(f"{where}: it was asked before the turn before it")
        last[one.chain] = place
        same = asked == seen[place]["asked"] and hash_of(body.decode()) == seen[place]["body"]
        if not same:
            replay.problems.append(f"{where}: the request is not what was sent")
        if one.reply not in recorded:
            replay.equal += same
        recorded.add(one.reply)
    replay.turns = len(recorded)
    others = [one for one in seen if one["message"] not in recorded or one["status"] != 200]
    replay.repeats = sum(one["asked"] in known for one in others)
    replay.problems += [
        f"request {one['request_id']} of {one['role']} turn {one['turn']} is in no transcript"
        for one in others
        if one["asked"] not in known
    ]
    return replay


# --- runs ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One run and what happens to it."""

    beads: int
    kinds: tuple[str, ...] = KINDS
    polecats: int = 4
    long_look: bool = False
    faults: Mapping[str, Any] | None = None
    holds: tuple[Mapping[str, Any], ...] = ()
    """Requests at which the process is killed, one after the other; numbers count from its start."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a trial came to."""

    replay: Replay = field(default_factory=Replay)
    result: dict[str, Any] = field(default_factory=dict[str, Any])
    kills: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list[str])

    @property
    def line(self) -> str:
        """What is printed of it."""
        replay, result = self.replay, self.result
        needs = [f"{need['item']}: {need['text']}" for need in result.get("needs_you", ())]
        parts = [
            f"{replay.equal} of {replay.turns} turns replay to the byte",
            f"{replay.requests} requests, {replay.repeats} of them repeats, killed {self.kills}",
            f"merged {result.get('merged')} of {result.get('beads')}",
            f"{self.seconds:.1f} s",
            " ".join(sorted(replay.ways)),
            *needs,
            *self.problems,
        ]
        return "; ".join(part for part in parts if part)


def run_trial(trial: Trial) -> Outcome:
    """Does a run in a scratch folder, kills it and resumes it as it is told, and compares."""
    began, outcome = time.monotonic(), Outcome()
    with tempfile.TemporaryDirectory(prefix="transcripts-") as name:
        scratch = Path(name)
        repo = make_repository(scratch / "repo", trial.beads)
        data = scratch / "data"
        data.mkdir()
        (data / "settings.toml").write_text("silence_s = 2.0\n")
        with running(script(), faults=trial.faults, arguments=["--latency", "0.02"]) as server:
            _run_to_end(trial, outcome, scratch, repo, server)
            outcome.replay = asyncio.run(compare(data, scratch, server))
            _judge(trial, outcome, server)
    outcome.seconds = time.monotonic() - began
    return outcome


def _run_to_end(trial: Trial, outcome: Outcome, scratch: Path, repo: Path, server: RunningServer) -> None:
    wish = goal(trial.beads, trial.kinds, long_look=trial.long_look)
    options = ["--goal", wish, "--cap", str(_CAP), "--model", MODEL, "--polecats", str(trial.polecats)]
    options += ["--base-url", server.url, "--gate", GATE, "--trust"]
    command = ["run", str(repo), *options]
    for hold in (*trial.holds, None):
        if hold is not None:
            server.control({"hold": hold})
        process = _started([*command, "--yes", "--json", "--data-dir", str(scratch / "data")], scratch)
        try:
            killed = hold is not None and _killed(process, server)
            out, err = process.communicate(timeout=_RUN_S)
        finally:
            process.kill()
            process.wait()
        if not killed:
            if process.returncode not in {0, 3}:
                outcome.problems.append(f"exit {process.returncode}: {err[-600:]}")
            outcome.result = json.loads(out) if out else {}
            return
        outcome.kills += 1
        command = ["resume", str(repo)]


def _started(arguments: list[str], scratch: Path) -> subprocess.Popen[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch / "home"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "ANTHROPIC_API_KEY": KEY,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "gastown_desktop", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _killed(process: subprocess.Popen[str], server: RunningServer) -> bool:
    """Kills a process as soon as the server holds its request; whether it came so far."""
    while process.poll() is None:
        if server.held(_LOOKS_EVERY_S):
            process.kill()
            return True
    return False


def _judge(trial: Trial, outcome: Outcome, server: RunningServer) -> None:
    bill, result = server.bill(idle=True), outcome.result
    outcome.problems += outcome.replay.problems[:5]
    if bill["refused"] or bill["unmatched"] or bill["forbidden"]:
        bad = [one for one in server.requests() if one["status"] == 400][:2]
        outcome.problems.append(f"the server refused requests: {bad}")
    if bill["total_nano"] > _CAP * NANO:
        outcome.problems.append(f"the bill is {bill['total_nano']}")
    if not result:
        return
    unmerged = result["beads"] - result["merged"]
    if result["beads"] < trial.beads and not result["needs_you"]:
        outcome.problems.append(f"only {result['beads']} beads were planned")
    if unmerged and not all(need["text"] for need in result["needs_you"] or [{"text": ""}]):
        outcome.problems.append("neither merged nor in Needs you with a reason")
    if not result["user_repo_untouched"]:
        outcome.problems.append("the user's repository changed")


def _holds(draw: random.Random, kills: int, requests: int) -> tuple[dict[str, Any], ...]:
    """Random requests to be killed at, in the order in which they come."""
    numbers = (draw.randint(1, max(1, 2 * requests // (kills + 1))) for _ in range(kills))
    return tuple({"number": number, "at": draw.choice(MOMENTS)} for number in numbers)


def _whole_run(given: argparse.Namespace) -> Iterable[tuple[str, Outcome]]:
    faults = {"seed": given.seed, "rates": FAULTS, "retry_after": 0.1, "stall_seconds": 4.0}
    trial = Trial(
        beads=given.beads,
        polecats=given.polecats,
        long_look=True,
        faults=faults if given.faults == "yes" else None,
        holds=_holds(random.Random(given.seed), given.kills, 7 * given.beads),
    )
    yield f"{given.beads} beads, {given.polecats} workers", run_trial(trial)


def kill_at(kind: str, moment: str, number: int) -> Outcome:
    """A small convoy of one kind of work, killed at its `number`-th request."""
    hold = {"number": number, "at": moment}
    return run_trial(Trial(beads=2 if kind == "meet" else 1, kinds=(kind,), holds=(hold,)))


def _every_request(given: argparse.Namespace) -> Iterator[tuple[str, Outcome]]:
    """Kills at the first request, the second, … until a run ends before it is killed."""
    pairs = list(itertools.product(given.kinds, MOMENTS))

    def series(pair: tuple[str, str]) -> list[tuple[str, Outcome]]:
        ended: list[tuple[str, Outcome]] = []
        for number in itertools.count(1):
            outcome = kill_at(*pair, number)
            if not outcome.kills:
                return ended
            ended.append((f"{pair[0]}, killed {pair[1]} request {number}", outcome))
        raise AssertionError

    with ThreadPoolExecutor(given.jobs) as pool:
        for ended in pool.map(series, pairs):
            yield from ended


def main() -> int:
    """Runs what the arguments ask for; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--beads", type=int, default=60)
    parser.add_argument("--polecats", type=int, default=30)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--faults", choices=("yes", "no"), default="yes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every-request", action="store_true", help="kill at each request in turn")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=KINDS, help="for --every-request")
    given = parser.parse_args()
    runs = broken = turns = equal = 0
    for name, outcome in _every_request(given) if given.every_request else _whole_run(given):
        runs, broken = runs + 1, broken + bool(outcome.problems)
        turns, equal = turns + outcome.replay.turns, equal + outcome.replay.equal
        print(f"{name}: {outcome.line}", flush=True)
    print(f"{runs} runs, {equal} of {turns} recorded turns replay to the byte, {broken} runs broke a promise")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
