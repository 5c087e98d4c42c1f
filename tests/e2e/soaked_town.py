"""One process of the soak: convoy after convoy on a clock that skips, until it is stopped or all is done.

Started by `tests.e2e.soak`, again and again on the same folder; `state.json` there says where it stands. The
model's server is on the same loop, so that its waits are skipped as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import json
import os
import random
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gastown_desktop.adapters.memory import keep_together
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.adapters.sandbox.shell import PersistentShell
from gastown_desktop.adapters.system_clock import SystemClock
from gastown_desktop.cli.arguments import parser
from gastown_desktop.cli.resume import resume
from gastown_desktop.cli.run import run_goal
from gastown_desktop.core.errors import Refused
from gastown_desktop.logs import start_logging
from tests.e2e.money_soak import FAULTS
from tests.e2e.real_work import GATE, Shape, script
from tests.fakes.skipping_loop import SkippingLoop
from tests.messages_api.app import App, Options
from tests.messages_api.cache import PromptCache
from tests.messages_api.faults import Dice, Faults, faults_from
from tests.messages_api.wire import Exchange, exchanges

ZONE = "Europe/Berlin"
HOUR_S = 3_600.0
_SHAPE = Shape(turns=4, spread=3, output_tokens=400)
_TRIES = 6
"""How often a convoy is resumed before it counts as one that does not end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """How long and how much; the same for all processes."""

    hours: int
    """Simulated hours; a convoy begins in each."""
    beads: int
    """Of each convoy, on as many modules."""
    polecats: int
    restarts: int
    seed: int
    legs: tuple[str, ...]
    """Local times at which equal parts of the hours begin: before a change of the clock."""
    cap: float = 40.0
    """Dollars, of each convoy."""

    @property
    def hours_of_leg(self) -> int:
        return self.hours // len(self.legs)

    def begins(self, hour: int) -> datetime:
        """When an hour begins, in UTC."""
        leg, hours = divmod(hour, self.hours_of_leg)
        local = datetime.fromisoformat(self.legs[leg]).replace(tzinfo=ZoneInfo(ZONE))
        return local.astimezone(UTC) + timedelta(hours=hours)

    def leg(self, hour: int) -> int:
        return hour // self.hours_of_leg

    def stops(self) -> dict[int, tuple[str, int]]:
        """Hours in which the process is stopped: how, and at which request of the convoy."""
        draw = random.Random(self.seed)
        changes = {leg * self.hours_of_leg for leg in range(1, len(self.legs))}
        free = [hour for hour in range(self.hours) if hour not in changes]
        left = self.restarts - len(changes)
        chosen = sorted(free[(2 * number + 1) * len(free) // (2 * left)] for number in range(left))
        return {
            hour: ("kill" if number % 2 == 0 else "cancel", draw.randint(2, 5 * self.beads))
            for number, hour in enumerate(chosen)
        }


@dataclass(slots=True, kw_only=True)
class State:
    """Where the soak stands."""

    hour: int = 0
    """The convoy that is next, or under way."""
    begun: bool = False
    """It was started by a process before."""
    now: str = ""
    """The simulated wall clock when the last process ended, in UTC."""
    port: int = 0
    """The server's: a convoy asks the same address as long as it lives."""
    stopped: list[int] = field(default_factory=list[int])
    """Hours in which a process was stopped."""

    def save(self, folder: Path) -> None:
        """Replaces the file."""
        part = folder / "state.part"
        part.write_text(json.dumps(asdict(self)))
        part.replace(folder / "state.json")


def load_state(folder: Path) -> State:
    """Where it stands; the begin where there is no file."""
    file = folder / "state.json"
    return State(**json.loads(file.read_text())) if file.exists() else State()


def load_soak(folder: Path) -> Soak:
    """What was asked for."""
    fields = json.loads((folder / "soak.json").read_text())
    return Soak(**{**fields, "legs": tuple(fields["legs"])})


class _SoakedApp(App):
    """The server, on the loop's clock."""

    def __init__(self, town: SoakedTown) -> None:
        self._town = town
        options = Options(bill=town.folder / "bill.jsonl", latency=1.0, pace=60.0)
        super().__init__(script(_SHAPE), Faults(), options)
        self.stop_at: tuple[str, int] | None = None

    def begin_hour(self, faults: Faults) -> None:
        """Forgets what it knows of the hour before; the bill's file goes on."""
        self.dice, self.cache = Dice(faults), PromptCache(self.now)
        self.seen.clear()
        self.came.clear()
        self.bill.counts.clear()
        self.bill.faults.clear()

    async def serve(self, exchange: Exchange) -> None:
        if self.stop_at is not None and self.bill.counts["requests"] >= self.stop_at[1]:
            how, self.stop_at = self.stop_at[0], None
            self._town.stop(how)
        await super().serve(exchange)

    def now(self) -> float:
        return self._town.loop.time()

    def wall(self) -> datetime:
        return self._town.wall()


class SoakedTown:
    """This process."""

    def __init__(self, folder: Path, loop: SkippingLoop) -> None:
        self.folder, self.loop = folder, loop
        self.soak, self.state = load_soak(folder), load_state(folder)
        self._started = loop.time()
        begins = self.soak.begins(self.state.hour)
        now = datetime.fromisoformat(self.state.now) if self.state.now else begins
        same_leg = self.state.hour % self.soak.hours_of_leg or self.state.begun
        self._origin = max(now, begins) if not same_leg else now
        self._app = _SoakedApp(self)
        self._url = ""

    def wall(self) -> datetime:
        """The simulated time, in UTC."""
        return self._origin + timedelta(seconds=self.loop.time() - self._started)

    async def live(self) -> int:
        """Does what is left; returns the exit code."""
        SystemClock.now = lambda _: self.wall()  # type: ignore[method-assign]
        SystemClock.monotonic = lambda _: self.loop.time()  # type: ignore[method-assign]
        port = self.state.port
        server = await asyncio.start_server(self._serve, "127.0.0.1", port, backlog=512, limit=1 << 20)
        self.state.port = server.sockets[0].getsockname()[1]
        self._url = f"http://127.0.0.1:{self.state.port}"
        leg = self.soak.leg(self.state.hour)
        watching = asyncio.ensure_future(self._watch_memory())
        try:
            while self.state.hour < self.soak.hours and self.soak.leg(self.state.hour) == leg:
                wait_s = (self.soak.begins(self.state.hour) - self.wall()).total_seconds()
                await asyncio.sleep(max(0.0, wait_s))
                await self._convoy()
        finally:
            watching.cancel()
            self._save()
        return 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await exchanges(reader, writer, self._app.serve)
        except asyncio.CancelledError:
            writer.transport.abort()

    async def _convoy(self) -> None:
        hour = self.state.hour
        self._app.begin_hour(self._faults(hour))
        if hour % 6 == 3:
            self._storm()
        if hour not in self.state.stopped:
            self._app.stop_at = self.soak.stops().get(hour)
        began, before = self.wall(), time.monotonic()
        result = await self._to_its_end(hour)
        self._note(
            "convoys",
            hour=hour,
            began=began.isoformat(),
            took_s=round((self.wall() - began).total_seconds()),
            real_s=round(time.monotonic() - before, 1),
            merged=result["merged"],
            landed=result["stage"],
            needs=[need["item"] for need in result["needs_you"]],
            usd=result["ledger"]["settled_usd"],
            assumed_usd=result["ledger"]["assumed_usd"],
            requests=self._app.bill.counts["requests"],
            refused=self._app.bill.counts["refused"],
            faults=dict(self._app.bill.faults),
        )
        self.state.hour, self.state.begun = hour + 1, False
        self._save()
        self._sample("rest")

    async def _to_its_end(self, hour: int) -> dict[str, Any]:
        """Runs or resumes a convoy until nothing of it is left to do."""
        common = ["--yes", "--land", "--json", "--data-dir", str(self.folder / "data")]
        repo = str(self.folder / "repo")
        for _ in range(_TRIES):
            if self.state.begun:
                code, result = await self._command(["resume", repo, *common])
            else:
                plan = self._write_plan(hour)
                self.state.begun = True
                self._save()
                code, result = await self._command(
                    [
                        *("run", repo, "--beads", str(plan), "--cap", str(self.soak.cap), "--gate", GATE),
                        *("--polecats", str(self.soak.polecats), "--base-url", self._url, "--trust", *common),
                    ]
                )
            if code == 2 and "no beads" in json.dumps(result):
                self.state.begun = False  # it was killed before its plan was taken
                continue
            if code == 0:
                return result
            self._note("stops", hour=hour, at=self.wall().isoformat(), code=code, result=_short(result))
            await asyncio.sleep(1_800)
        raise RuntimeError(f"the convoy of hour {hour} did not end in {_TRIES} tries: {_short(result)}")

    async def _command(self, arguments: list[str]) -> tuple[int, dict[str, Any]]:
        given = parser().parse_args(arguments)
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()) as said:
            try:
                code = await (run_goal(given) if given.command == "run" else resume(given))
            except Refused as refused:
                return 2, {"refused": refused.whole}
        if not out.getvalue().strip():
            return code, {"said": said.getvalue()[-2000:]}
        return code, json.loads(out.getvalue())

    def _write_plan(self, hour: int) -> Path:
        """The beads of an hour: one more line for each module."""
        lines: list[str] = []
        for module in range(1, self.soak.beads + 1):
            number = hour * self.soak.beads + module
            fields = {
                "id": f"t-{number}",
                "title": f"Change m{module} step {number}",
                "description": f"Append step {number}.",
                "acceptance_criteria": "check.py passes.",
                "status": "open",
                "priority": 2,
                "issue_type": "task",
                "dependencies": [],
            }
            lines.append(json.dumps(fields))
        file = self.folder / "beads.jsonl"
        file.write_text("\n".join(lines) + "\n")
        return file

    def _faults(self, hour: int) -> Faults:
        seed = self.soak.seed * 1_000 + hour
        return faults_from({"seed": seed, "rates": FAULTS, "retry_after": 5.0, "stall_seconds": 240.0})

    def _storm(self) -> None:
        """A quarter of an hour in which most of the time nobody is let in."""
        switches = self._app.switches
        switches.storm_status, switches.storm_retry_after = 429, 30.0
        switches.storm_until = self.loop.time() + 900.0

    def stop(self, how: str) -> None:
        """Ends this process: `kill` or `cancel`."""
        self.state.stopped.append(self.state.hour)
        self._save()
        self._note("ends", hour=self.state.hour, at=self.wall().isoformat(), how=how)
        os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGINT)

    def _save(self) -> None:
        self.state.now = self.wall().isoformat()
        self.state.save(self.folder)

    def _note(self, name: str, **fields: Any) -> None:
        with (self.folder / f"{name}.jsonl").open("a") as file:
            file.write(json.dumps(fields) + "\n")

    async def _watch_memory(self) -> None:
        while True:
            await asyncio.sleep(60.0)
            self._sample("any")

    def _sample(self, when: str) -> None:
        if when == "rest":
            gc.collect()
        self._note(
            "memory",
            pid=os.getpid(),
            age_s=round(self.loop.time() - self._started),
            hour=self.state.hour,
            when=when,
            mb=_resident_mb("RssAnon"),
            with_files_mb=_resident_mb("VmRSS"),
        )


def _resident_mb(kind: str) -> float:
    """Resident memory of this process: its own, or with files that are mapped, as packs of git are."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) / 1e3, 2)


def _short(result: Any) -> Any:
    kept = ("stage", "merged", "needs_you", "stopped_by", "refused", "said", "ledger")
    return {name: result[name] for name in kept if name in result}


def _make_loop() -> SkippingLoop:
    """A loop that knows what goes on beside it: pools of threads, children, commands of workers."""
    loop = SkippingLoop()
    loop.count_pools()
    LocalLauncher.run = loop.counts(LocalLauncher.run)  # type: ignore[method-assign]
    PersistentShell.run = loop.counts(PersistentShell.run)  # type: ignore[method-assign]
    return loop


def main() -> int:
    """Lives in the folder that is named; returns the exit code."""
    folder = Path(sys.argv[1])
    os.environ["TZ"] = ZONE
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background command ignores it
    start_logging(folder / "data" / "logs")
    keep_together()
    loop = _make_loop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            return runner.run(SoakedTown(folder, loop).live())
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main())
