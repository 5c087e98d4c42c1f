"""Working folders of one rig, checked out from and stored into town.git with a private index each.

A slot has a `.git` of its own so that a worker can commit and branch; the engine writes it and never reads
it. Everything here names town.git, the folder and the private index explicitly, and runs no program: not
of the configuration (there is none), not of the attributes (drivers need configuration), not of nested
repositories (they are not entered).

An untouched file never counts as changed: a blob that its attributes would normalise (CRLF under `text`,
an expanded `ident`) looks modified to git although nobody touched it. Which ones, and the bytes that the
checkout wrote, is found once per tree and remembered.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import stat
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from gastown_desktop.adapters.git.command import git_failure
from gastown_desktop.adapters.git.files import (
    RealFolders,
    delete_any,
    empty_folder,
    is_folder,
    read_regular,
    remove_planted,
)
from gastown_desktop.adapters.git.made_files import (
    MadeFiles,
    literal,
    load_made,
    store_made,
    sweep,
    take_down,
)
from gastown_desktop.core.errors import GitError, Unusable
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.secrets import NO_SECRETS, Secrets
from gastown_desktop.engine.git_ports import EXECUTABLE, GITLINK, REGULAR, SYMLINK, Slot, Snapshot, TreeEntry
from gastown_desktop.engine.to_its_end import to_its_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_desktop.adapters.git.command import GitCommand
    from gastown_desktop.engine.git_ports import GitObjects
    from gastown_desktop.engine.process_ports import Finished

LARGEST_FILE = 20_000_000
LARGEST_SNAPSHOT = 200_000_000
COMMAND_TIMEOUT_S = 60.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CONVERTING = re.compile(rb"\b(text|crlf|eol|ident|working-tree-encoding)\b")
_RULE_FILES = (".gitignore", ".gitattributes")
_REMEMBERED_TREES = 32
_CHECKOUTS_AT_ONCE = 4


@dataclass(slots=True)
class _Held:
    """What a slot was last checked out as."""

    tree: Oid
    phantoms: dict[str, str]
    """Digests of the bytes, as checked out, of files that git would normalise."""
    stored: set[str] | None = field(default_factory=set[str])
    """Paths that snapshots put into the private index since; None when not known."""
    snapshot: Oid | None = None
    """The tree of the private index, when known."""


@dataclass(slots=True)
class _Plan:
    """What a snapshot does with each path that git listed."""

    entries: list[tuple[str, int, Oid | None]] = field(default_factory=list[tuple[str, int, Oid | None]])
    """Index entries set by code; None removes."""
    added: list[str] = field(default_factory=list[str])
    left_out: list[str] = field(default_factory=list[str])
    size: int = 0


_P = ParamSpec("_P")
_R = TypeVar("_R")


async def _to_its_end(work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Runs work in a thread; a cancelled caller leaves only when it is done, and nothing writes any more."""
    return await to_its_end(asyncio.to_thread(work, *args, **kwargs))


class GitSlots:
    """Working folders of one rig (the `KeepingSlots` port).

    Args:
        git: runs git.
        objects: the objects of town.git.
        town_git: the rig's own repository.
        slots_root: where the folders are made.
        index_root: where the private indexes are kept, out of the workers' reach.
        kept: paths inside a slot (without leading slash) that are bound there by us: never cleaned away and
            never part of a snapshot.
        secrets: a file that holds one of them is no part of a snapshot.
        copied: paths of files that we write there: never part of a snapshot either.
        ignored: names at the top that count as ignored whatever `.gitignore` says.
    """

    def __init__(
        self,
        git: GitCommand,
        objects: GitObjects,
        town_git: Path,
        slots_root: Path,
        index_root: Path,
        kept: tuple[str, ...] = (),
        secrets: Secrets = NO_SECRETS,
        copied: tuple[str, ...] = (),
        ignored: tuple[str, ...] = (),
    ) -> None:
        self._git = git
        self._objects = objects
        self._town = town_git
        self._slots_root = slots_root
        self._index_root = index_root
        self._kept = kept
        self._copied = copied
        self._ignored = ignored
        self._made: dict[str, tuple[str, tuple[str, ...]]] = {}
        """Which setup made something in a slot, and the topmost paths of it."""
        self._secrets = secrets
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._listing = asyncio.Lock()
        self._checkouts = asyncio.Semaphore(_CHECKOUTS_AT_ONCE)
        self._held: dict[str, _Held] = {}
        self._leaves: dict[Oid, dict[str, TreeEntry]] = {}
        self._judged: defaultdict[str, dict[tuple[str, Oid], str]] = defaultdict(dict)
        slots_root.mkdir(mode=0o700, parents=True, exist_ok=True)
        index_root.mkdir(parents=True, exist_ok=True)

    async def prepare(self, name: str, commit: Oid, *, made: str = "") -> Slot:
        """Gives a clean slot at a commit: made anew, or reused after cleaning away everything else.

        Args:
            name: which slot.
            commit: what it is to hold.
            made: what `keep_made` took down under this name stays, if nobody changed any of it since.

        Raises:
            Unusable: the name is no plain file name.
            DiskFull: no space left.
            GitError: the commit cannot be checked out.
        """
        slot = self.slot(name)
        tree = await self._objects.tree_of(commit)
        async with self._locks[name]:
            reusable = is_folder(slot.folder) and self._index(name).exists()
            if not (reusable and await self._reuse(slot, tree, made)):
                await _to_its_end(self._start_anew, slot)
                await self._check_out(slot, tree, clean=None)
            await _to_its_end(self._write_git_folder, slot, commit)
        return slot

    def slot(self, name: str) -> Slot:
        """A slot by its name, whether it exists or not.

        Raises:
            Unusable: the name is no plain file name.
        """
        if not _NAME.fullmatch(name):
            raise Unusable(f"{name!r} cannot name a slot.")
        return Slot(name, self._slots_root / name)

    async def snapshot(self, slot: Slot) -> Snapshot:
        """Stores what the slot holds now, untracked files included, ignored ones not.

        Nothing runs and nested repositories are not entered. Left out, each with its reason: files over
        20 MB and what passes 200 MB in total, nested repositories, files that are not regular or hold a
        secret (of a tracked one the earlier version stays).

        Raises:
            DiskFull: no space left.
            GitError: the slot could not be read (it was tried twice).
        """
        async with self._locks[slot.name]:
            try:
                return await self._store(slot)
            except GitError:
                # A process of the worker that still runs may delete what was just listed.
                return await self._store(slot)

    async def reset(self, slot: Slot, tree: Oid) -> None:
        """Makes the slot hold exactly this tree; files that it ignores may stay.

        Raises:
            DiskFull: no space left.
            GitError: the tree cannot be checked out.
        """
        async with self._locks[slot.name]:
            await self._check_out(slot, tree, clean="-ffdq")

    async def has_made(self, name: str, made: str) -> bool:
        """Whether what was taken down under a name is in a slot, as it was when the slot was given out."""
        return (await self._recall_made(name))[0] == made

    async def keep_made(self, slot: Slot, commit: Oid, made: str) -> tuple[str, ...]:
        """Takes down what is in a slot besides a commit and is ignored by git: no snapshot has it.

        Everything else is put back as the commit has it.

        Args:
            slot: where a setup ran.
            commit: what the slot holds.
            made: names what the setup made.

        Returns:
            Paths that were removed as git does not ignore them; folders end in a slash.

        Raises:
            DiskFull: no space left.
            GitError: the commit cannot be checked out.
        """
        tree = await self._objects.tree_of(commit)
        async with self._locks[slot.name]:
            removed = await self._others(slot, "--no-empty-directory")
            await self._check_out(slot, tree, clean="-ffdq")
            ignored, leaves = await self._others(slot, "--ignored"), await self._leaves_of(tree)
            ours = {*self._kept, *self._copied}
            found = await _to_its_end(take_down, slot.folder, made, leaves, ours, ignored)
            await _to_its_end(store_made, self._made_file(slot.name), found)
            self._made[slot.name] = (made, found.tops)
            await _to_its_end(self._write_git_folder, slot, commit)
        return removed

    async def remove(self, name: str) -> None:
        """Deletes a slot and its private index; a slot that does not exist is no error.

        Raises:
            Unusable: the name is no plain file name.
        """
        self.slot(name)
        async with self._locks[name]:
            await _to_its_end(self._delete, name)

    async def names(self) -> list[str]:
        """Slots that exist on disk, also those of an earlier process."""
        return sorted(name for name in os.listdir(self._slots_root) if _NAME.fullmatch(name))  # noqa: PTH208

    # --- checking out ---

    async def _reuse(self, slot: Slot, tree: Oid, made: str) -> bool:
        try:
            if made and await self.has_made(slot.name, made):
                await self._check_out(slot, tree, clean=None)
                known = await asyncio.to_thread(load_made, self._made_file(slot.name))
                leaves = await self._leaves_of(tree)
                if known is not None and await _to_its_end(sweep, slot.folder, leaves, known):
                    return True
            self._forget_made(slot.name)
            await self._check_out(slot, tree, clean="-ffdxq")
        except GitError:
            return False
        return True

    async def _others(self, slot: Slot, option: str) -> tuple[str, ...]:
        """What is not tracked, and not ignored or ignored; folders end in a slash."""
        others = ("ls-files", "-z", "--others", "--directory", "--exclude-standard", option)
        listing = await self._run(slot, *others, *self._excludes(()))
        return tuple(os.fsdecode(listing).split("\0")[:-1])

    async def _recall_made(self, name: str) -> tuple[str, tuple[str, ...]]:
        if name not in self._made:
            known: MadeFiles | None = await asyncio.to_thread(load_made, self._made_file(name))
            self._made[name] = ("", ()) if known is None else (known.key, known.tops)
        return self._made[name]

    def _forget_made(self, name: str) -> None:
        self._made[name] = ("", ())
        self._made_file(name).unlink(missing_ok=True)

    def _excludes(self, tops: tuple[str, ...]) -> list[str]:
        """Options that make git ignore what we put into a slot, whatever `.gitignore` says."""
        paths = (*self._kept, *self._copied, *self._ignored, *tops)
        return [f"--exclude={literal(path)}" for path in paths]

    async def _check_out(self, slot: Slot, tree: Oid, *, clean: str | None) -> None:
        self._held.pop(slot.name, None)
        async with self._checkouts:
            await self._run(slot, "read-tree", "-u", "--reset", tree)
        if clean is not None:
            _, tops = await self._recall_made(slot.name)
            excludes = self._excludes(tops) if "x" not in clean else map("--exclude=/{}".format, self._kept)
            await self._run(slot, "clean", clean, *excludes)
        leaves = await self._leaves_of(tree)
        held = _Held(tree, await self._phantoms(slot, leaves), snapshot=tree)
        await _to_its_end(self._finish_check_out, slot, held, leaves)
        self._held[slot.name] = held

    def _finish_check_out(self, slot: Slot, held: _Held, leaves: dict[str, TreeEntry]) -> None:
        for leaf in leaves.values():
            if leaf.mode == GITLINK:
                empty_folder(slot.folder / leaf.path)
        note = {"tree": held.tree, "phantoms": held.phantoms}
        self._note(slot.name).write_text(json.dumps(note), "ascii")

    async def _leaves_of(self, tree: Oid) -> dict[str, TreeEntry]:
        # One at a time: thirty slots that start at one tree list it once.
        async with self._listing:
            if tree not in self._leaves:
                listed = await self._objects.list_tree(tree, recursive=True)
                while len(self._leaves) >= _REMEMBERED_TREES:
                    self._leaves.pop(next(iter(self._leaves)))
                self._leaves[tree] = {leaf.path: leaf for leaf in listed}
            return self._leaves[tree]

    async def _phantoms(self, slot: Slot, leaves: dict[str, TreeEntry]) -> dict[str, str]:
        rules = [leaf for path, leaf in leaves.items() if path.rpartition("/")[2] == ".gitattributes"]
        texts = [await self._objects.read_blob(rule.oid) for rule in rules if rule.mode != SYMLINK]
        if not any(_CONVERTING.search(text) for text in texts):
            return {}
        # What a checkout writes depends on the rules, the path and the blob: judged once for all slots.
        judged = self._judged["\0".join(f"{rule.path}\0{rule.oid}" for rule in rules)]
        regular = [leaf for leaf in leaves.values() if leaf.mode in (REGULAR, EXECUTABLE)]
        unjudged = [
            leaf
            for leaf in regular
            if (leaf.path, leaf.oid) not in judged and "\n" not in leaf.path and leaf.path[0] != '"'
        ]
        if unjudged:
            paths = b"".join(os.fsencode(leaf.path) + b"\n" for leaf in unjudged)
            stored = (await self._run(slot, "hash-object", "--stdin-paths", stdin=paths)).decode().split()
            for leaf, oid in zip(unjudged, stored, strict=True):
                same = oid == leaf.oid
                judged[leaf.path, leaf.oid] = "" if same else _digest(slot.folder / leaf.path)
        found = {leaf.path: judged.get((leaf.path, leaf.oid), "") for leaf in regular}
        return {path: digest for path, digest in found.items() if digest}

    def _write_git_folder(self, slot: Slot, commit: Oid) -> None:
        folder = slot.folder / ".git"
        delete_any(folder)
        branch = f"refs/heads/work/{slot.name}"
        for inner in ("objects/info", "objects/pack", "info", str(Path(branch).parent)):
            (folder / inner).mkdir(parents=True, exist_ok=True)
        sha256 = self._objects.hash_name == "sha256"
        config = [
            f"[core]\n\trepositoryformatversion = {int(sha256)}\n\tbare = false\n\tfilemode = true",
            "\tautocrlf = false\n\tlogallrefupdates = true",
            "[extensions]\n\tobjectformat = sha256" if sha256 else "",
            f"[user]\n\tname = {slot.name}\n\temail = {slot.name.lower()}@gastown.invalid",
            "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[commit]\n\tgpgsign = false\n",
        ]
        (folder / "config").write_text("\n".join(config))
        (folder / "HEAD").write_text(f"ref: {branch}\n")
        (folder / branch).write_text(f"{commit}\n")
        (folder / "objects/info/alternates").write_bytes(os.fsencode(self._town / "objects") + b"\n")
        ours = (*self._kept, *self._copied, *self._ignored, *self._made.get(slot.name, ("", ()))[1])
        (folder / "info/exclude").write_bytes(b"".join(os.fsencode(literal(path)) + b"\n" for path in ours))
        shutil.copyfile(self._index(slot.name), folder / "index")
        if (self._town / "shallow").exists():
            shutil.copyfile(self._town / "shallow", folder / "shallow")

    # --- storing ---

    async def _store(self, slot: Slot) -> Snapshot:
        held = self._recalled(slot.name)
        _, tops = await self._recall_made(slot.name)
        listing = await self._run(
            slot,
            *("ls-files", "-z", "-t", "--modified", "--deleted", "--others", "--exclude-standard"),
            *self._excludes(tops),
        )
        listed = {os.fsdecode(line[2:]): line[:1] != b"?" for line in listing.split(b"\0")[:-1]}
        leaves = await self._leaves_of(held.tree) if listed and held.tree else {}
        plan = await _to_its_end(self._plan, slot, listed, held, leaves)
        if plan.entries or plan.added:
            held.snapshot = None
            await self._write_index(slot, plan)
            if held.stored is not None:
                held.stored.update(path for path, _, _ in plan.entries)
                held.stored.update(plan.added)
        if held.snapshot is None:
            held.snapshot = Oid((await self._run(slot, "write-tree")).decode().strip())
        return Snapshot(held.snapshot, tuple(plan.left_out))

    async def _write_index(self, slot: Slot, plan: _Plan) -> None:
        zero = "0" * (40 if self._objects.hash_name == "sha1" else 64)
        if plan.entries:
            lines = (f"{mode:o} {oid or zero}\t{path}\0" for path, mode, oid in plan.entries)
            stdin = os.fsencode("".join(lines))
            await self._run(slot, "update-index", "--add", "--replace", "-z", "--index-info", stdin=stdin)
        if plan.added:
            stdin = os.fsencode("".join(f"{path}\0" for path in plan.added))
            await self._run(
                slot, "update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin=stdin
            )

    def _plan(self, slot: Slot, listed: dict[str, bool], held: _Held, leaves: dict[str, TreeEntry]) -> _Plan:
        plan = _Plan()
        folders = RealFolders(slot.folder)
        for path in sorted(listed):
            tracked = listed[path]
            if any(path == kept or path.startswith(kept + "/") for kept in (*self._kept, *self._copied)):
                continue
            info = folders.look(path)
            base = leaves.get(path)
            submodule = base is not None and base.mode == GITLINK
            if info is None or (tracked and stat.S_ISDIR(info.st_mode) and not submodule):
                if tracked:
                    plan.entries.append((path, 0, None))
                continue
            reason = self._reason_against(slot.folder / path, info, plan)
            if reason:
                plan.left_out.append(f"{path.rstrip('/')}: {reason}")
            elif base is not None and _untouched(slot.folder / path, info, base, held.phantoms):
                mode = EXECUTABLE if info.st_mode & stat.S_IXUSR else REGULAR
                # The entry is there already unless a snapshot stored another.
                if mode != base.mode or held.stored is None or path in held.stored:
                    plan.entries.append((path, mode, base.oid))
            elif reason := self._secret_in(slot.folder / path, info):
                plan.left_out.append(f"{path}: {reason}")
            else:
                plan.size += info.st_size
                plan.added.append(path)
        return plan

    def _secret_in(self, path: Path, info: os.stat_result) -> str:
        if not stat.S_ISREG(info.st_mode):
            return ""
        found = self._secrets.held_in(read_regular(path, LARGEST_FILE) or b"")
        return found and f"holds {found}"

    @staticmethod
    def _reason_against(path: Path, info: os.stat_result, plan: _Plan) -> str:
        if stat.S_ISDIR(info.st_mode):
            return "a repository of its own, not entered"
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
            return "neither a file nor a link"
        if info.st_size > LARGEST_FILE:
            return f"larger than {LARGEST_FILE // 1_000_000} MB"
        if plan.size + info.st_size > LARGEST_SNAPSHOT:
            return f"the snapshot would be larger than {LARGEST_SNAPSHOT // 1_000_000} MB"
        if stat.S_ISREG(info.st_mode) and not os.access(path, os.R_OK):
            return "not readable"
        return ""

    # --- places ---

    def _index(self, name: str) -> Path:
        return self._index_root / f"{name}.index"

    def _note(self, name: str) -> Path:
        return self._index_root / f"{name}.json"

    def _made_file(self, name: str) -> Path:
        return self._index_root / f"{name}.made"

    def _recalled(self, name: str) -> _Held:
        if name not in self._held:
            try:
                note: dict[str, Any] = json.loads(self._note(name).read_text("ascii"))
            except (OSError, ValueError):
                note = {"tree": "", "phantoms": {}}
            self._held[name] = _Held(Oid(note["tree"]), note["phantoms"], stored=None)
        return self._held[name]

    def _start_anew(self, slot: Slot) -> None:
        self._delete(slot.name)
        slot.folder.mkdir(parents=True)

    def _delete(self, name: str) -> None:
        self._held.pop(name, None)
        self._forget_made(name)
        for path in (self._index(name), self._note(name), self._index_root / f"{name}.index.lock"):
            path.unlink(missing_ok=True)
        delete_any(self._slots_root / name)

    async def _run(self, slot: Slot, *args: str, stdin: bytes = b"") -> bytes:
        async def attempt() -> Finished:
            # Only this process uses the index, one command at a time: a lock is one of a killed child.
            (self._index_root / f"{slot.name}.index.lock").unlink(missing_ok=True)
            return await self._git.run(
                *args,
                git_dir=self._town,
                work_tree=slot.folder,
                index_file=self._index(slot.name),
                input=stdin,
                check=False,
                timeout_s=COMMAND_TIMEOUT_S,
            )

        done = await attempt()
        if done.timed_out and await asyncio.to_thread(remove_planted, slot.folder, _RULE_FILES):
            # Git waits for ever for a pipe that calls itself .gitignore.
            done = await attempt()
        if done.exit_code or done.timed_out:
            raise git_failure(args, done)
        return done.output


def _untouched(path: Path, info: os.stat_result, base: TreeEntry, phantoms: dict[str, str]) -> bool:
    if not stat.S_ISREG(info.st_mode) or base.mode not in (REGULAR, EXECUTABLE):
        return False
    data = read_regular(path, LARGEST_FILE)
    if data is None:
        return False
    if hashlib.sha256(data).hexdigest() == phantoms.get(base.path):
        return True
    name = "sha1" if len(base.oid) == 40 else "sha256"
    return hashlib.new(name, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == base.oid


def _digest(path: Path) -> str:
    return hashlib.sha256(read_regular(path, LARGEST_FILE) or b"").hexdigest()
