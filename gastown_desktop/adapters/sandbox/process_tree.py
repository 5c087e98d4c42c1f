"""What a sandbox started: its processes, what they use, and how they are all killed.

Everything below a sandbox carries a random mark in its environment, so that what left the process group is
found too. The mark names the process that made it: what a killed one left is found by the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil

MARK = "GASTOWN_SANDBOX"
"""Variable that holds the mark."""
_DEATH_S = 2.0
_STILL_S = 2.0
_CHILDREN_FILE = Path("/proc/thread-self/children").exists()
_HAS_PROC = Path("/proc/self/stat").exists()
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def children_of(pid: int) -> list[int]:
    """The processes that a process started."""
    try:
        if not _CHILDREN_FILE:
            return [child.pid for child in psutil.Process(pid).children()]
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_bytes().split()]
    except (OSError, psutil.Error):
        return []


def is_child_of(pid: int, parent: int) -> bool:
    """Whether a process is there that another one started.

    It is asked for itself: a list of children may leave one out while others end (proc(5)).
    """
    try:
        return psutil.Process(pid).ppid() == parent
    except psutil.Error:
        return False


def tree(pid: int, limit: int) -> list[int]:
    """A process and those below it; stops soon after `limit`, a fork bomb is longer than the time we have."""
    found = [pid]
    for parent in found:
        if len(found) > limit:
            break
        found += children_of(parent)
    return found


def resident_bytes(pid: int, processes: Path) -> int:
    """Bytes of memory that a process uses; 0 when it is gone."""
    try:
        if _CHILDREN_FILE:
            return int((processes / str(pid) / "statm").read_bytes().split()[1]) * _PAGE
        return psutil.Process(pid).memory_info().rss
    except (OSError, IndexError, psutil.Error):
        return 0


def seen_inside(root: int) -> tuple[list[int], Path]:
    """The processes of a bubblewrap, by their numbers inside, and the `/proc` that shows them.

    Unlike a walk of the tree this waits for no kernel lock, and a fork bomb holds those. A bubblewrap that
    has not left the machine's root yet shows nothing: what stands there is the machine's.
    """
    for init in children_of(root):
        top = Path(f"/proc/{init}/root")
        with contextlib.suppress(OSError):
            if not top.samefile("/"):
                names = [entry.name for entry in (top / "proc").iterdir()]
                return [int(name) for name in names if name.isdecimal()], top / "proc"
    return [], Path("/proc")


def bytes_in_memory_files(processes: Path) -> int:
    """Bytes of files that lie in the memory of a bubblewrap, in file systems that are its own.

    A folder of the machine that is bound into it may lie in memory too: of those another folder than the top
    is seen (fourth field of `mountinfo`, proc(5)), but for `/`, which is bubblewrap's own.

    Args:
        processes: the `/proc` that shows its processes (`seen_inside`).
    """
    root, tops, total = processes.parent, dict[bytes, bool](), 0
    with contextlib.suppress(OSError, ValueError):
        for line in (root.parent / "mountinfo").read_bytes().splitlines():
            mount, _, source = line.partition(b" - ")
            _, _, _, folder, place, *_ = mount.split(b" ")
            tops[place] = source.startswith(b"tmpfs ") and (folder == b"/" or place == b"/")
        for place in (place for place, is_own in tops.items() if is_own):
            told = os.statvfs(os.fsencode(root) + place)
            total += (told.f_blocks - told.f_bfree) * told.f_frsize
    return total


def cpu_seconds(pid: int, limit: int) -> float:
    """User + system seconds of a process and those below it."""
    total = 0.0
    for member in tree(pid, limit):
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(member).cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def new_mark() -> str:
    """A mark of this process: its number, when it was started, and chance."""
    return f"{os.getpid()}-{_born(os.getpid())}-{secrets.token_hex(16)}"


def carries(pid: int, mark: str) -> bool:
    """Tells whether a live process carries a mark."""
    return _mark_of(pid) == mark


def _mark_of(pid: int) -> str:
    """The mark of a live process; empty where it has none, or is not ours to look into."""
    try:
        process = psutil.Process(pid)
        mark = process.environ().get(MARK, "")
        return mark if mark and process.status() != psutil.STATUS_ZOMBIE else ""
    except (OSError, psutil.Error):
        return ""


def _born(pid: int) -> str:
    """When a process was started, in what no change of the clock moves; empty when there is none.

    These are ticks since the system was started: `t` and a number. psutil counts from the wall clock, which
    moves with all that was started before it was set; without `/proc` the system wrote it down at the time.
    """
    if _HAS_PROC:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            return "" if fields[0] in {b"Z", b"X"} else f"t{int(fields[19])}"  # see proc_pid_stat(5)
        return ""
    try:
        return f"s{int(psutil.Process(pid).create_time())}"
    except psutil.NoSuchProcess:
        return ""


def _is_orphaned(mark: str) -> bool:
    """Tells whether the process that made a mark is dead; of one that cannot be read nobody knows."""
    pid, _, rest = mark.partition("-")
    born = rest.partition("-")[0]
    if not (pid.isdecimal() and born[:1] == ("t" if _HAS_PROC else "s")):
        return False
    try:
        return _born(int(pid)) != born
    except (OSError, psutil.Error):
        return False


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Sends a signal; a process that is gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


async def hold_still(root: int, most: int, *, confined: bool) -> bool:
    """Stops a process and all below it; False when they have not all stopped after two seconds.

    The kernel may leave out a child that comes and goes while children are listed (proc(5)), so what is in a
    sandbox is listed once more from inside. One that stands, or is over, may have made another before, after
    it was listed: they stand when a list that is made after all of another stood names nobody else.

    Args:
        root: the process.
        most: processes above which it is given up.
        confined: it is a bubblewrap.
    """
    deadline = time.monotonic() + _STILL_S
    stood: set[tuple[str, int]] | None = None
    while True:
        below, ran = _stop_running(root, most)
        inside, processes = seen_inside(root) if confined else ([], Path("/proc"))
        found = {("below", one) for one in below} | {("inside", one) for one in inside}
        if stood is not None and not ran and found <= stood:
            return True
        is_listed = not confined or len(below) > 1  # a bubblewrap has a child as long as it lives
        stood = found if is_listed and not ran and _are_stopped(inside, processes) else None
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0 if stood else 0.002)


def let_go(root: int, most: int) -> None:
    """Lets what was stopped go on."""
    for member in tree(root, most):
        kill(member, signal.SIGCONT)


def _stop_running(root: int, most: int) -> tuple[list[int], bool]:
    """Stops each that runs, then looks at its children; names all, and tells whether any ran."""
    found, ran = [root], False
    for member in found:
        if not _is_stopped(member):
            kill(member, signal.SIGSTOP)
            ran = True
        found += children_of(member)
        if len(found) > most:
            return found, True
    return found, ran


def _are_stopped(members: list[int], processes: Path) -> bool:
    return all(_is_stopped(member, processes) for member in members)


def _is_stopped(pid: int, processes: Path = Path("/proc")) -> bool:
    """Whether no thread of a process runs; one that is gone may have left children elsewhere."""
    try:
        if not _CHILDREN_FILE:
            return psutil.Process(pid).status() in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
        stats = [(task / "stat").read_bytes() for task in (processes / f"{pid}/task").iterdir()]
    except (OSError, psutil.Error):
        return False
    return all(stat[stat.rindex(b")") + 2 :][:1] in {b"T", b"t", b"Z", b"X"} for stat in stats)


async def kill_marked(mark: str) -> None:
    """Kills what carries the mark until nothing does; stops it first, so that it cannot outrun us."""
    await _kill_where(lambda found: found == mark)


async def kill_orphans() -> None:
    """Kills what sandboxes of dead processes left running, until nothing of it is there."""
    await _kill_where(_is_orphaned)


async def _kill_where(wanted: Callable[[str], bool]) -> None:
    deadline = time.monotonic() + _DEATH_S
    while marked := [pid for pid in psutil.pids() if (mark := _mark_of(pid)) and wanted(mark)]:
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in marked:
                kill(pid, number)
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(0.005)
