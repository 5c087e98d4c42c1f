"""Sandboxes that reach allowed hosts: a server on this machine's loopback plays a host of the internet."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from gastown_desktop import door
from gastown_desktop.adapters.allow_list_proxy import AllowListProxy, NetworkLog
from gastown_desktop.adapters.allow_list_proxy.proxy import why_not_elsewhere
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.adapters.rolling_file import RollingFile
from gastown_desktop.adapters.sandbox import Bubblewrap, Unconfined, find_sandbox
from gastown_desktop.adapters.sandbox.door import PORT, VARIABLES, Door, find_opener, run_behind
from gastown_desktop.core.allowed_hosts import AllowedHost
from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.process_ports import ChildCommand, Confinement
from tests.abilities import lacking
from tests.adapters.sandboxes import Place, S
from tests.fakes.clock import FakeClock


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Internet:
    """One host, and a proxy that leads to it."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self.log = log
        self.inside = ("inner.example.org",)
        """Names that lead to this machine and are not let through."""
        allowed = (AllowedHost(name="example.org", port=port), AllowedHost(name="*.example.org", port=port))
        self.network = AllowListProxy(
            allowed,
            NetworkLog(RollingFile(log).append, FakeClock()),
            resolve=self._resolve,
            why_not=self._why_not,
        )

    async def _resolve(self, host: str, port: int) -> list[str]:
        return ["127.0.0.2" if host in self.inside else "127.0.0.1"]

    def _why_not(self, address: str) -> str:
        return "" if address == "127.0.0.1" else why_not_elsewhere(address)

    def curl(self, host: str, *options: str) -> str:
        """A tunnel to a host, and a request through it."""
        return f"curl -sS -m 10 --proxytunnel {' '.join(options)} http://{host}:{self.port}/"

    async def verdicts(self, count: int) -> list[tuple[str, str, str]]:
        """Slot, host and verdict of so many connections, once they have ended."""
        async with asyncio.timeout(S):
            while not self.log.exists() or len(self.log.read_bytes().splitlines()) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [(line["slot"], line["host"], line["verdict"]) for line in lines]


@pytest_asyncio.fixture
async def internet(tmp_path: Path) -> AsyncIterator[Internet]:
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1 << 12):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(page, "127.0.0.1", 0)
    yield Internet(server.sockets[0].getsockname()[1], tmp_path / "network.log")
    server.close()
    await server.wait_closed()


@pytest.fixture
def curl() -> None:
    if shutil.which("curl") is None:
        lacking("curl is not installed")


@pytest.fixture
def reaching(
    _bubblewrap: None, curl: None, launcher: LocalLauncher, place: Place, internet: Internet
) -> Bubblewrap:
    return Bubblewrap(
        launcher,
        Path(shutil.which("bwrap") or ""),
        place.home,
        place.objects,
        place.scratch,
        version="0.8.0",
        environment=place.environment,
        network=internet.network,
    )


async def test_allowed_host_is_reached(reaching: Bubblewrap, place: Place, internet: Internet) -> None:
    result = await reaching.run(internet.curl("example.org"), place.confinement(), timeout_s=S)
    assert result.output == b"hello\n"
    result = await reaching.run(internet.curl("files.example.org"), place.confinement(), timeout_s=S)
    assert result.output == b"hello\n"
    told = await internet.verdicts(2)
    assert told == [("nux", "example.org", "allowed"), ("nux", "files.example.org", "allowed")]


async def test_shell_reaches_it_command_by_command(
    reaching: Bubblewrap, place: Place, internet: Internet
) -> None:
    shell = await reaching.shell(place.confinement())
    for _ in range(2):
        assert (await shell.run(internet.curl("example.org"), timeout_s=S)).output == b"hello\n"
    assert (await shell.run("exit 3", timeout_s=S)).exit_code == 3
    assert (await shell.run(internet.curl("example.org"), timeout_s=S)).output == b"hello\n"
    await shell.close()


@pytest.mark.parametrize(
    ("host", "verdict"),
    [
        ("example.com", "not listed"),
        ("127.0.0.1", "not listed"),
        ("169.254.169.254", "not listed"),
        ("inner.example.org", "not public"),
    ],
)
async def test_nothing_else_is_reached_through_the_proxy(
    reaching: Bubblewrap, place: Place, internet: Internet, host: str, verdict: str
) -> None:
    command = internet.curl(host, "--noproxy ''")
    result = await reaching.run(command, place.confinement(), timeout_s=S)
    assert result.exit_code == 56
    assert b"hello" not in result.output
    assert await internet.verdicts(1) == [("nux", host, verdict)]


async def test_nothing_is_reached_past_the_proxy(
    reaching: Bubblewrap, place: Place, internet: Internet
) -> None:
    for target in ("127.0.0.1", "169.254.169.254", "1.1.1.1", "example.org"):
        command = f"curl -sS -m 5 --noproxy '*' http://{target}:{internet.port}/"
        result = await reaching.run(command, place.confinement(), timeout_s=S)
        assert result.exit_code in {6, 7}, result.output
    assert not internet.log.exists()


async def test_the_proxy_is_not_on_the_machine(
    reaching: Bubblewrap, place: Place, internet: Internet
) -> None:
    shell = await reaching.shell(place.confinement())
    assert (await shell.run(internet.curl("example.org"), timeout_s=S)).exit_code == 0
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", PORT)
    listening = {c.laddr.port for c in psutil.Process().net_connections("tcp") if c.status == "LISTEN"}
    assert listening <= {internet.port}
    await shell.close()


async def test_each_slot_has_its_own_way_out(reaching: Bubblewrap, place: Place, internet: Internet) -> None:
    other = place.slot.with_name("ace")
    other.mkdir()
    shells = [
        await reaching.shell(place.confinement()),
        await reaching.shell(Confinement(slot=other, seen_at=place.checkout)),
    ]
    for shell in shells:
        assert (await shell.run(internet.curl("example.org"), timeout_s=S)).exit_code == 0
    assert sorted(slot for slot, _, _ in await internet.verdicts(2)) == ["ace", "nux"]
    seen = [(await shell.run("readlink /proc/self/ns/net", timeout_s=S)).output for shell in shells]
    assert seen[0] != seen[1]
    await shells[0].close()
    assert (await shells[1].run(internet.curl("example.org"), timeout_s=S)).output == b"hello\n"
    await shells[1].close()


async def test_nothing_of_the_door_stays_in_the_sandbox(
    reaching: Bubblewrap, place: Place, internet: Internet
) -> None:
    command = (
        "find / -xdev -type s 2>/dev/null; "
        "for f in /proc/self/fd/*; do case $(readlink $f) in socket:*) echo ${f##*/};; esac; done"
    )
    numbers = (await reaching.run(command, place.confinement(), timeout_s=S)).output.decode().split()
    bare = Bubblewrap(
        reaching._launcher, Path(shutil.which("bwrap") or ""), place.home, place.objects, place.scratch
    )
    running, without = [
        set((await sandbox.run("cat /proc/[0-9]*/comm", place.confinement(), timeout_s=S)).output.split())
        for sandbox in (reaching, bare)
    ]
    assert b"bwrap" in running
    assert running <= without, "nothing runs that does not without a network"
    for number in numbers:  # the socket that it was handed over on leads nowhere
        send = f"import socket; socket.socket(fileno={number}).send(b'x')"
        result = await reaching.run(f'/usr/bin/python3 -c "{send}"', place.confinement(), timeout_s=S)
        assert result.exit_code != 0


async def test_variables_name_the_proxy_only_where_hosts_are_allowed(
    reaching: Bubblewrap, caged: Bubblewrap, place: Place
) -> None:
    told = (await reaching.run("env", place.confinement(), timeout_s=S)).output.decode().splitlines()
    assert {line for line in told if "proxy" in line.partition("=")[0].lower()} == {
        f"{k}={v}" for k, v in VARIABLES.items()
    }
    assert VARIABLES["https_proxy"] == f"http://127.0.0.1:{PORT}"
    assert VARIABLES["NO_PROXY"] == "localhost,127.0.0.1,::1"
    result = await caged.run("env | grep -i '^[a-z]*_proxy'; ls /run", place.confinement(), timeout_s=S)
    assert result.output == b""


async def test_profile_names_the_hosts(reaching: Bubblewrap, caged: Bubblewrap, internet: Internet) -> None:
    hosts = f"*.example.org:{internet.port},example.org:{internet.port}"
    assert set(reaching.profile.removeprefix(f"{caged.profile} network ").split(",")) == set(hosts.split(","))


async def test_nothing_is_left_at_the_end(reaching: Bubblewrap, place: Place, internet: Internet) -> None:
    confinement = place.confinement()
    await reaching.run("true", confinement, timeout_s=S)
    gc.collect()
    files, tasks = open_files(), asyncio.all_tasks()
    hold = f"(printf 'CONNECT example.org:{internet.port} HTTP/1.1\\r\\n\\r\\n'; sleep 60) | curl -sN telnet://127.0.0.1:{PORT}"
    assert (await reaching.run(hold, confinement, timeout_s=1)).timed_out
    shell = await reaching.shell(confinement)
    assert (await shell.run(hold, timeout_s=1)).timed_out
    assert (await shell.run(internet.curl("example.org"), timeout_s=S)).exit_code == 0
    await shell.close()
    await asyncio.sleep(0.1)
    gc.collect()
    assert open_files() == files
    assert asyncio.all_tasks() == tasks


async def test_sandbox_that_cannot_open_its_door_is_refused(reaching: Bubblewrap, place: Place) -> None:
    confinement = place.confinement(environment={"LD_PRELOAD": "/nowhere"})
    assert (await reaching.run("true", confinement, timeout_s=S)).exit_code == 0
    assert reaching._opener is not None
    broken = type(reaching._opener)(("false",), ())
    reaching._opener = broken
    with pytest.raises(Refused, match="allowed hosts could not be made"):
        await reaching.run("true", confinement, timeout_s=S)
    shell = await reaching.shell(confinement)
    with pytest.raises(Refused, match="allowed hosts could not be made"):
        await shell.run("true", timeout_s=S)
    await shell.close()


@pytest.mark.usefixtures("_bubblewrap")
async def test_choice_tries_the_door(
    launcher: LocalLauncher, place: Place, internet: Internet, tmp_path: Path
) -> None:
    options = {"home": place.home, "town_objects": place.objects, "scratch": place.scratch}
    found = await find_sandbox(launcher, **options, network=internet.network)  # type: ignore[arg-type]
    assert isinstance(found, Bubblewrap)
    assert internet.network.hosts[0] in found.profile
    none = await find_sandbox(
        launcher,
        **options,  # type: ignore[arg-type]
        network=internet.network,
        environment={"PATH": str(tmp_path)},
    )
    assert isinstance(none, Unconfined)
    assert none.network is None


# --- the hand-over --------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["nothing", "file", "udp", "elsewhere", "connected"])
async def test_only_a_listener_on_a_loopback_is_taken(internet: Internet, what: str) -> None:
    way = Door(internet.network, "nux")
    theirs = socket.socket(fileno=os.dup(way.file))
    way.started()
    with (
        theirs,
        socket.create_server(("0.0.0.0", 0)) as elsewhere,
        socket.socket() as idle,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
        tempfile.TemporaryFile() as file,
    ):
        files = {"file": file, "udp": udp, "elsewhere": elsewhere, "connected": idle}
        if what == "nothing":
            theirs.shutdown(socket.SHUT_RDWR)
        else:
            socket.send_fds(theirs, [b"\0"], [files[what].fileno()])
        assert not await way.open()
    assert not way.opened
    await way.close()
    await way.close()


async def test_program_that_cannot_be_started_leaves_no_door(
    internet: Internet, launcher: LocalLauncher
) -> None:
    way = Door(internet.network, "nux")
    with pytest.raises(Refused):
        await run_behind(way, launcher, ChildCommand(argv=("/nowhere",), environment={}, files=(way.file,)))
    await way.close()


async def test_door_opens_from_a_child(internet: Internet, launcher: LocalLauncher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    for program in (
        (sys.executable, "-I", "-S", door.__file__),
        (sys.executable, "-m", "gastown_desktop", door.WORD),
    ):
        way = Door(internet.network, "nux")
        child = ChildCommand(
            argv=(*program, str(port), str(way.file)), environment={}, folder=Path.cwd(), files=(way.file,)
        )
        finished = await run_behind(way, launcher, child)
        assert (finished.exit_code, finished.error, way.opened) == (0, b"", True)
        await way.close()


def test_opener_is_our_own_interpreter_or_the_bundle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opener = find_opener()
    assert opener.words[-1] == "/run/gastown-door/door.py"
    assert all(inside.is_relative_to("/run/gastown-door") for _, inside in opener.mounts)
    monkeypatch.setattr(sys, "_base_executable", "/usr/bin/env")
    assert find_opener().mounts == ((Path(door.__file__), Path("/run/gastown-door/door.py")),)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "app" / "gastown-desktop"))
    bundle = find_opener()
    assert bundle.words == ("/run/gastown-door/app/gastown-desktop", door.WORD)
    assert bundle.mounts == ((tmp_path / "app", Path("/run/gastown-door/app")),)
