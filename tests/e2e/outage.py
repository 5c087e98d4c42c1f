"""A network that is gone for a while under a working fleet: what that may cost, and that it goes on.

    python -m tests.e2e.outage                            120 s, silent and refusing, 30 workers on 60 beads
    python -m tests.e2e.outage --seconds 20 --kind silent

The program talks to the server through a relay that goes away: it cuts what is open and then swallows or
refuses what comes. Printed: what was held when it went, what the ledger assumed by the end, and how many
requests tried the line meanwhile. Ends with exit code 1 where more was assumed than was held then and those
tries held, the server's bill is above the ledger's, or a bead is not merged at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from gastown_desktop.adapters.money_log import read_ledger
from gastown_desktop.core.ledger import Assume, Record, Release, Reserve, Settle, Shrink
from gastown_desktop.engine.provider_line import PROBE_S
from tests.e2e.expired_key import result_of, started
from tests.e2e.real_work import GATE, KEY, Shape, make_repository, script, write_beads
from tests.messages_api.running import running

Kind = Literal["silent", "refused"]
_SHAPE = Shape(turns=6, spread=2, output_tokens=200)
_LATENCY_S = 1.0
_SILENCE_S = 3.0
_CHUNK = 65_536


class Relay:
    """Passes bytes to the server until it is told to go away."""

    def __init__(self, server: str) -> None:
        """Listens on a port of its own, in a thread of its own."""
        parts = urlsplit(server)
        self._server = parts.hostname or "", parts.port or 0
        self._open: set[asyncio.StreamWriter] = set()
        self._gone: Kind | None = None
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self.port = 0
        threading.Thread(target=self._run, daemon=True).start()
        self._ready.wait()

    def go(self, kind: Kind | None) -> None:
        """Goes away, or comes back with None."""
        self._loop.call_soon_threadsafe(self._go, kind)

    def _go(self, kind: Kind | None) -> None:
        self._gone = kind
        for writer in list(self._open):
            writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.run_forever()

    async def _serve(self) -> None:
        served = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = served.sockets[0].getsockname()[1]
        self._ready.set()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self._gone == "refused":
                return
            if self._gone == "silent":
                while await reader.read(_CHUNK):
                    pass
                return
            there, away = await asyncio.open_connection(*self._server)
            self._open.add(away)
            with contextlib.suppress(OSError):
                await asyncio.gather(_copy(reader, away), _copy(there, writer))
            self._open.discard(away)
            away.close()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    writer.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What came of it; amounts are nano-dollars."""

    held: int
    """When the network went."""
    assumed: int
    """By the end."""
    tries: int
    """Requests that were sent while it was away."""
    tried: int
    """What those held at most."""
    most_tries: int
    """One of each worker before anybody could know, and then one every half minute."""
    merged: int
    beads: int
    seconds: float
    bill: int
    spent: int
    needs: list[str] = field(default_factory=list[str])

    @property
    def problems(self) -> list[str]:
        """What does not hold."""
        found: list[str] = []
        if self.assumed > self.held + self.tried:
            found.append("more was assumed than was held and tried")
        if self.tries > self.most_tries:
            found.append(f"more tries than {self.most_tries}")
        if self.bill > self.spent:
            found.append("the bill is above the ledger's")
        if self.merged < self.beads or self.needs:
            found.append(f"{self.merged} of {self.beads} merged, needs {self.needs}")
        return found


def outage(kind: Kind, seconds: float, beads: int, polecats: int) -> Outage:
    """Runs a fleet whose network goes away in the middle for so many seconds."""
    arguments = ["--latency", str(_LATENCY_S)]
    with (
        tempfile.TemporaryDirectory(prefix="outage-") as name,
        running(script(_SHAPE), arguments=arguments) as server,
    ):
        scratch, relay = Path(name), Relay(server.url)
        repo = make_repository(scratch / "repo", beads).folder
        write_beads(scratch / "beads.jsonl", beads, beads)
        data = scratch / "data"
        data.mkdir()
        (data / "settings.toml").write_text(f"silence_s = {_SILENCE_S}\n")
        options = [
            "--cap", "50", "--model", "claude-sonnet-5-5", "--polecats", str(polecats),
            "--base-url", f"http://127.0.0.1:{relay.port}", "--beads", str(scratch / "beads.jsonl"),
            "--gate", GATE, "--trust", "--yes", "--json",
        ]  # fmt: skip
        began = time.monotonic()
        process = started(scratch, KEY, "run", repo, *options)
        assert server.wait_for(beads * 3, seconds=240.0)
        relay.go(kind)
        before = _ledger(data)
        threading.Event().wait(seconds)
        during = _ledger(data)
        relay.go(None)
        result = result_of(process)
        tries = _reserved(during)[len(_reserved(before)) :]
        ledger = result["ledger"]
        return Outage(
            held=sum(_open(before).values()),
            assumed=round(ledger["assumed_usd"] * 1e9),
            tries=len(tries),
            tried=sum(one.amount for one in tries),
            most_tries=polecats + 1 + int(seconds / PROBE_S),
            merged=result["merged"],
            beads=beads,
            seconds=time.monotonic() - began,
            bill=server.bill(idle=True)["total_nano"],
            spent=round((ledger["settled_usd"] + ledger["assumed_usd"]) * 1e9),
            needs=[need["about"] for need in result["needs_you"]],
        )


def _ledger(data: Path) -> list[Record]:
    return read_ledger(data / "money" / "money.log")


def _reserved(records: list[Record]) -> list[Reserve]:
    return [record for record in records if isinstance(record, Reserve)]


def _open(records: list[Record]) -> dict[str, int]:
    """What each request holds whose outcome is not known."""
    held: dict[str, int] = {}
    for record in records:
        if isinstance(record, Reserve | Shrink):
            held[record.id] = record.amount
        elif isinstance(record, Settle | Assume | Release):
            held.pop(record.id, None)
    return held


def main() -> int:
    """Runs what the arguments ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--kind", choices=("silent", "refused"))
    parser.add_argument("--beads", type=int, default=60)
    parser.add_argument("--polecats", type=int, default=30)
    given = parser.parse_args()
    kinds: tuple[Kind, ...] = (given.kind,) if given.kind else ("silent", "refused")
    wrong = False
    for kind in kinds:
        seen = outage(kind, given.seconds, given.beads, given.polecats)
        wrong |= bool(seen.problems)
        print(
            f"{kind} for {given.seconds:.0f} s: held {seen.held / 1e9:.4f} when it went, {seen.tries} tries "
            f"that held {seen.tried / 1e9:.4f}, assumed {seen.assumed / 1e9:.4f}; merged {seen.merged} of "
            f"{seen.beads} in {seen.seconds:.0f} s; bill {seen.bill / 1e9:.4f} of {seen.spent / 1e9:.4f}: "
            f"{'; '.join(seen.problems) or 'held'}",
            flush=True,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
