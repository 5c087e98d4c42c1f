"""Workers that plant something in their copy for whoever uses git there."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from pathlib import Path

from gastown_desktop.adapters.git import slots as slots_module
from gastown_desktop.adapters.sandbox.choice import find_sandbox
from gastown_desktop.adapters.slot_files import SlotFiles
from gastown_desktop.core.errors import GitError, ToolRefused
from gastown_desktop.core.ids import BeadId, PolecatName
from gastown_desktop.engine.process_ports import Confinement
from gastown_desktop.engine.tools.workbench import Workbench
from tests.hostile.repositories.case import Act, Case
from tests.hostile.repositories.ground import PYTHON, Ground
from tests.hostile.repositories.oracle import heard, noticed, outside_changed

Sabotage = Callable[[Ground, Path], None]
_LIMIT = 20 << 20
_TRIES = 400
_HOOKS = ("pre-commit", "post-commit", "post-checkout", "post-index-change", "reference-transaction")


def _history(ground: Ground) -> None:
    ground.history()
    ground.repo.write("src/part.py", "PART = 2\n").commit("Four")
    assert ground.evil


def _plainly(sabotage: Sabotage, *args: str, seconds: float = 60.0) -> Act:
    """Plain git in the copy, after the worker was there."""

    async def act(ground: Ground) -> None:
        async with ground.rig() as rig:
            slot = await rig.slot()
            sabotage(ground, slot.folder)
            ground.plain(*args, cwd=slot.folder, seconds=seconds)

    return act


def _through_engine(sabotage: Sabotage) -> Act:
    """All that the engine does with a copy: snapshot, reset, use for the next bead, removal."""

    async def act(ground: Ground) -> None:
        async with ground.rig() as rig:
            slot = await rig.slot()
            sabotage(ground, slot.folder)
            (slot.folder / "mine.txt").write_text("mine\n")
            snapshot = await rig.slots.snapshot(slot)
            entries = await rig.objects.list_tree(snapshot.tree, recursive=True)
            assert "mine.txt" in {entry.path for entry in entries}
            for entry in entries:
                if entry.mode != 0o160000:
                    ground.heard.append((await rig.objects.read_blob(entry.oid)).decode("utf-8", "replace"))
            await rig.slots.reset(slot, snapshot.tree)
            await rig.slot()
            assert (slot.folder / "a.txt").read_text() == "one\ntwo\n"
            assert (slot.folder / "src" / "part.py").read_text() == "PART = 2\n"
            await rig.slots.remove("Nux")
            assert not slot.folder.exists()

    return act


def _hooks(ground: Ground, slot: Path) -> None:
    for name in _HOOKS:
        ground.hook(name, slot / ".git" / "hooks")


def _configuration(ground: Ground, slot: Path) -> None:
    with (slot / ".git" / "config").open("a") as config:
        config.write(
            f"[core]\n\tfsmonitor = {ground.evil}\n\thooksPath = {slot}/.git/hooks\n"
            f'[filter "evil"]\n\tclean = {ground.evil}\n\tsmudge = {ground.evil}\n'
        )
    (slot / ".git" / "info" / "attributes").write_text("* filter=evil\n")


def _another_git_folder(ground: Ground, slot: Path) -> None:
    shutil.move(slot / ".git", slot / "src" / "git")
    with (slot / "src" / "git" / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {ground.evil}\n")
    (slot / ".git").write_text("gitdir: src/git\n")


def _common_folder(ground: Ground, slot: Path) -> None:
    shutil.copytree(slot / ".git", slot / "src" / "git")
    _configuration(ground, slot)
    shutil.copyfile(slot / ".git" / "config", slot / "src" / "git" / "config")
    (slot / ".git" / "commondir").write_text("../src/git\n")


def _nested(ground: Ground, slot: Path) -> None:
    nested = slot / "nested"
    nested.mkdir()
    ground.plain("init", "-q", cwd=nested)
    (nested / "x.txt").write_text("x\n")
    ground.plain("add", "x.txt", cwd=nested)
    ground.plain("commit", "-qm", "x", cwd=nested)
    ground.plain("add", "nested", cwd=slot)
    ground.canary.unlink(missing_ok=True)
    with (nested / ".git" / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {ground.evil}\n")


def _users_filter(ground: Ground, slot: Path) -> None:
    """The user has configured a filter, and the worker has its files go through it."""
    (slot / ".gitattributes").write_text("* filter=tool diff=tool merge=tool\n")
    (slot / "src" / "part.py").write_text("PART = 3\n")


def _link_to_outside(ground: Ground, slot: Path) -> None:
    shutil.rmtree(slot / "src")
    (slot / "src").symlink_to(ground.home)
    (slot / "loot").symlink_to(ground.home / ".netrc")


def _reads_through_links(ground: Ground, slot: Path) -> None:
    for folder, _, names in os.walk(slot, followlinks=True):
        for name in names:
            with suppress(OSError, UnicodeDecodeError):
                ground.heard.append((Path(folder) / name).read_text())


def _careless_copy(ground: Ground) -> Awaitable[None]:
    """Reads everything below the copy, as `cp -rL` does."""

    async def act() -> None:
        async with ground.rig() as rig:
            slot = await rig.slot()
            _link_to_outside(ground, slot.folder)
            _reads_through_links(ground, slot.folder)

    return act()


def _link_instead_of_source(ground: Ground, slot: Path) -> None:
    """What is put back into the copy would be written outside."""
    (ground.outside / "part.py").write_text("Of the user.\n")
    ground.remember()
    shutil.rmtree(slot / "src")
    (slot / "src").symlink_to(ground.outside)


def _careless_reset(ground: Ground) -> Awaitable[None]:
    async def act() -> None:
        async with ground.rig() as rig:
            slot = await rig.slot()
            _link_instead_of_source(ground, slot.folder)
            (slot.folder / "src" / "part.py").write_text("PART = 2\n")

    return act()


_FLIPS = """
import ctypes, os, time
libc = ctypes.CDLL(None)
os.symlink(@HOME@, "other")
os.mkdir("d")
for number in range(2500):
    open(f"d/a{number:05}", "w").write(f"{number}")
open("d/private.txt", "w").write("x")
end = time.time() + 60
while time.time() < end:
    libc.renameat2(-100, b"d", -100, b"other", 2)
    time.sleep(0.02)
"""
"""Changes a folder for a link, and back, in one step each."""


def _private(ground: Ground) -> None:
    _history(ground)
    (ground.home / "private.txt").write_text(f"password {ground.secret}\n")


def _stores(*, still: bool) -> Act:
    """The engine stores a copy again and again in which a command was left running."""

    async def act(ground: Ground) -> None:
        async with ground.rig() as rig:
            slot, objects = await rig.slot(), rig.town / "objects"
            (slot.folder / "flips.py").write_text(_FLIPS.replace("@HOME@", repr(str(ground.home))))
            scratch = ground.data / "scratch"
            sandbox = await find_sandbox(
                rig.launcher, home=ground.home, town_objects=objects, scratch=scratch
            )
            assert sandbox.confined
            confinement = Confinement(slot=slot.folder, seen_at=ground.project)
            bench = Workbench(
                polecat=PolecatName("Nux"),
                bead=BeadId("gt-a"),
                files=SlotFiles(slot.folder),
                sandbox=sandbox,
                confinement=confinement,
                accept=lambda _: asyncio.sleep(0),
            )
            await bench.run(
                "python3 flips.py >/dev/null 2>&1 & while ! test -e d/private.txt; do :; done", 30.0
            )
            for _ in range(15):
                async with bench.still() if still else nullcontext():
                    with suppress(GitError):  # what was listed is gone
                        await rig.slots.snapshot(slot)
            await bench.close()
        args = ("cat-file", "--batch-all-objects", "--batch", "--buffer")
        ground.shell("git", f"--git-dir={rig.town}", *args)

    return act


def _pipe_that_ignores(ground: Ground, slot: Path) -> None:
    """A minute goes by before git is given up; here three seconds are enough."""
    patience, slots_module.COMMAND_TIMEOUT_S = slots_module.COMMAND_TIMEOUT_S, 3.0
    ground.at_end(lambda: setattr(slots_module, "COMMAND_TIMEOUT_S", patience))
    os.mkfifo(slot / "src" / ".gitignore")


# --- the tools in the program's process ---


async def _slot(ground: Ground) -> Path:
    async with ground.rig() as rig:
        slot = await rig.slot()
    return slot.folder


def _flips(ground: Ground, slot: Path, use: Callable[[], None]) -> None:
    """Uses a file again and again while its folder turns into a link and back."""
    real, parked, link = slot / "src", slot / "parked", slot / "link"
    (real / ".netrc").write_text("harmless\n")
    link.symlink_to(ground.home)
    ended = threading.Event()

    def put(what: Path) -> None:
        while True:
            try:
                what.rename(real)
            except OSError:  # a careless tool has made the folder meanwhile
                shutil.rmtree(real, ignore_errors=True)
            else:
                return

    def flip() -> None:
        while not ended.is_set():
            real.rename(parked)
            put(link)
            real.rename(link)
            put(parked)

    thread = threading.Thread(target=flip)
    thread.start()
    try:
        for _ in range(_TRIES):
            use()
    finally:
        ended.set()
        thread.join()


async def _reads_after_a_look(ground: Ground) -> None:
    slot = await _slot(ground)

    def use() -> None:
        path = slot / "src" / ".netrc"
        with suppress(OSError):
            if not path.parent.is_symlink():
                ground.heard.append(path.read_text())

    for _ in range(20):
        _flips(ground, slot, use)
        if heard(ground):
            return
        shutil.rmtree(slot / "src", ignore_errors=True)
        (slot / "link").unlink(missing_ok=True)
        (slot / "src").mkdir(exist_ok=True)


async def _reads_by_the_tool(ground: Ground) -> None:
    slot = await _slot(ground)
    files, good = SlotFiles(slot), [0]

    def use() -> None:
        with suppress(ToolRefused):
            ground.heard.append(files.read("src/.netrc", _LIMIT).decode())
            good[0] += 1
        with suppress(ToolRefused):
            files.write("src/.netrc", b"harmless\n")

    _flips(ground, slot, use)
    assert good[0]


def _refused(ground: Ground, path: str, *, write: bool = True) -> Act:
    """The tools do not read it, and do not write it."""

    async def act() -> None:
        slot = await _slot(ground)
        files = SlotFiles(slot)
        for use in (lambda: files.read(path, _LIMIT), *([lambda: files.write(path, b"x")] if write else [])):
            try:
                use()
            except ToolRefused:
                continue
            raise AssertionError(f"{path} was taken")

    return act()


def _python(ground: Ground, source: str, *, seconds: float = 3.0) -> None:
    """A careless reader in a process of its own."""
    ground.shell(PYTHON, "-c", source, seconds=seconds)


def _makes(kind: str) -> Sabotage:
    """What a worker makes in its copy before the next tool runs."""

    def make(ground: Ground, slot: Path) -> None:
        if kind == "pipe":
            os.mkfifo(slot / "odd")
        elif kind == "device":
            os.mknod(slot / "odd", 0o666 | 0o020000, os.makedev(1, 5))
        else:
            with (slot / "odd").open("wb") as file:
                file.truncate(3 << 30)

    return make


def _odd(kind: str, source: str) -> dict[str, Act]:
    make = _makes(kind)

    async def control(ground: Ground) -> None:
        slot = await _slot(ground)
        make(ground, slot)
        _python(ground, source.replace("@ODD@", str(slot / "odd")))
        if "MemoryError" in ground.said[-1]:
            ground.noticed.append("the memory is full")

    async def program(ground: Ground) -> None:
        async with ground.rig() as rig:
            slot = await rig.slot()
            make(ground, slot.folder)
            with suppress(ToolRefused):
                SlotFiles(slot.folder).read("odd", _LIMIT)
                raise AssertionError("it was read")
            snapshot = await rig.slots.snapshot(slot)
            entries = await rig.objects.list_tree(snapshot.tree, recursive=True)
            assert "odd" not in {entry.path for entry in entries}

    return {"control": control, "program": program}


_READ = "open('@ODD@', 'rb').read()"
_LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); "


def _careless_write(path: str) -> Act:
    async def act(ground: Ground) -> None:
        slot = await _slot(ground)
        target = Path(os.path.join(slot, path.replace("@OUT@", str(ground.outside))))  # noqa: PTH118
        _write(target)

    return act


def _write(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("planted\n")


def _made(ground: Ground) -> list[str]:
    places = [*ground.root.rglob("planted*.txt"), *ground.slots.rglob(".git/planted")]
    places += [*ground.slots.rglob("*/.[gG]*[tT]/planted"), *ground.slots.rglob(".GIT/planted")]
    places += [*ground.slots.rglob(".g\u200cit/planted"), *ground.slots.rglob("git~1/planted")]
    return [f"{place.relative_to(ground.root)} was made" for place in dict.fromkeys(places)]


def _tool_refuses(path: str) -> Act:
    return lambda ground: _refused(ground, path.replace("@OUT@", str(ground.outside)))  # type: ignore[return-value]


_PATHS = {
    "absolute": "@OUT@/planted.txt",
    "parent": "src/../../planted.txt",
    "git-folder": ".git/planted",
    "git-folder-in-capitals": ".GIT/planted",
    "git-folder-by-its-short-name": "git~1/planted",
    "git-folder-unseen": ".g\u200cit/planted",
}

CASES = (
    Case(
        name="hooks-in-a-copy",
        wish="run in the copy as a hook",
        plant=_history,
        control=_plainly(_hooks, "commit", "--allow-empty", "-m", "x"),
        program=_through_engine(_hooks),
    ),
    Case(
        name="configuration-of-a-copy",
        wish="run in the copy as monitor or filter",
        plant=_history,
        control=_plainly(_configuration, "status"),
        program=_through_engine(_configuration),
    ),
    Case(
        name="git-file-of-a-copy",
        wish="replace the copy's git folder by a file that leads elsewhere",
        plant=_history,
        control=_plainly(_another_git_folder, "status"),
        program=_through_engine(_another_git_folder),
    ),
    Case(
        name="common-folder-of-a-copy",
        wish="have the copy's configuration looked for elsewhere",
        plant=_history,
        control=_plainly(_common_folder, "status"),
        program=_through_engine(_common_folder),
    ),
    Case(
        name="nested-repository-in-a-copy",
        wish="be entered when the copy is looked at",
        plant=_history,
        control=_plainly(_nested, "status"),
        program=_through_engine(_nested),
    ),
    Case(
        name="filter-of-the-user",
        wish="send a worker's files through a filter that the user has configured",
        plant=_history,
        control=_plainly(_users_filter, "add", "-A"),
        program=_through_engine(_users_filter),
    ),
    Case(
        name="links-to-the-home",
        wish="have files of the HOME taken into a snapshot",
        plant=_history,
        control=_careless_copy,
        program=_through_engine(_link_to_outside),
        look=heard,
    ),
    Case(
        name="link-instead-of-a-folder",
        wish="have what is put back into the copy written outside",
        plant=_history,
        control=_careless_reset,
        program=_through_engine(_link_instead_of_source),
        look=outside_changed,
    ),
    Case(
        name="pipe-that-calls-itself-gitignore",
        wish="let whoever lists the copy's files wait for ever",
        plant=_history,
        control=_plainly(_pipe_that_ignores, "status", seconds=3.0),
        program=_through_engine(_pipe_that_ignores),
        look=noticed,
    ),
    Case(
        name="link-that-flips",
        wish="be a folder when it is looked at, and a link when it is used",
        plant=_history,
        control=_reads_after_a_look,
        program=_reads_by_the_tool,
        look=heard,
    ),
    Case(
        name="folder-that-flips-while-it-is-stored",
        wish="have files of the user's stored as if they were in the copy, and read them there",
        plant=_private,
        control=_stores(still=False),
        program=_stores(still=True),
        look=heard,
        needs=("bwrap",),
    ),
    Case(
        name="pipe-to-be-read",
        wish="let the tool that reads wait for ever",
        plant=_history,
        look=noticed,
        **_odd("pipe", _READ),
    ),
    Case(
        name="device-to-be-read",
        wish="be read without end",
        plant=_history,
        look=noticed,
        **_odd("device", "while open('@ODD@', 'rb').read(1 << 20): pass"),
    ),
    Case(
        name="sparse-file",
        wish="fill the memory with a file that takes no room on the disk",
        plant=_history,
        look=noticed,
        **_odd("sparse", _LIMITED + _READ),
    ),
    *(
        Case(
            name=f"tool-writes-{name}",
            wish="have the tool that writes leave the copy, or write its git folder",
            plant=_history,
            control=_careless_write(path),
            program=_tool_refuses(path),
            look=_made,
        )
        for name, path in _PATHS.items()
    ),
)
