"""Objects and refs of a SHA-1 repository through pygit2, in one worker thread; merges are git's."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from os import fsdecode, fsencode
from sys import intern
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import pygit2
from pygit2.enums import ObjectType

from gastown_desktop.adapters.git import command
from gastown_desktop.adapters.git.objects_command import (
    CommandObjects,
    MergingObjects,
    are_apart,
    check_name,
    encode_commit,
    parse_commit,
)
from gastown_desktop.core.errors import GitError, RefLocked
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import FOLDER, Commit, Merge, Signature, TreeChange, TreeEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from gastown_desktop.adapters.git.command import GitCommand

_P = ParamSpec("_P")
_T = TypeVar("_T")
_OID_BYTES = 20
_RETRY_S = 0.05


async def open_objects(git: GitCommand, git_dir: Path) -> PygitObjects | CommandObjects:
    """The adapter that can read a repository: pygit2 for SHA-1 with plain refs, else the command.

    Raises:
        GitError: it is not a repository.
    """
    settings = {entry.key: (entry.value or "").lower() for entry in await git.read_config(git_dir)}
    hash_name = settings.get("extensions.objectformat", "sha1")
    if hash_name == "sha1" and settings.get("extensions.refstorage", "files") == "files":
        return PygitObjects(git, git_dir)
    return CommandObjects(git, git_dir, hash_name)


class PygitObjects(MergingObjects):
    """Objects and refs of one SHA-1 repository (the `GitObjects` port).

    Args:
        git: runs git, for merges.
        git_dir: the repository.
    """

    def __init__(self, git: GitCommand, git_dir: Path) -> None:
        super().__init__(git, git_dir, "sha1")
        pygit2.settings.enable_fsync_gitdir(True)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="git-objects")
        self._opened: pygit2.Repository | None = None

    def close(self) -> None:
        """Ends the worker thread."""
        self._worker.shutdown(wait=True)

    async def resolve(self, rev: str) -> Oid | None:
        """The commit a revision names; None when there is none."""

        def look() -> Oid | None:
            try:
                return Oid(str(self._repo.revparse_single(rev).peel(pygit2.Commit).id))
            except (KeyError, ValueError, pygit2.GitError):
                return None

        return await self._do(look)

    async def read_commit(self, oid: Oid) -> Commit:
        """Reads a commit."""
        return await self._do(self._commit, oid)

    async def first_parents(self, tip: Oid, limit: int) -> list[Commit]:
        """Up to `limit` commits from `tip` along first parents, newest first."""

        def walk() -> list[Commit]:
            commits: list[Commit] = []
            following: Oid | None = tip
            while following is not None and len(commits) < limit:
                commits.append(self._commit(following))
                following = next(iter(commits[-1].parents), None)
            return commits

        return await self._do(walk)

    async def tree_of(self, commit: Oid) -> Oid:
        """The tree of a commit."""
        return (await self.read_commit(commit)).tree

    async def read_blob(self, oid: Oid) -> bytes:
        """Reads a blob whole."""
        return await self._do(self._read, oid, ObjectType.BLOB)

    async def blob_size(self, oid: Oid) -> int:
        """The size of a blob in bytes, without reading it."""
        return await self._do(self._size, oid)

    async def blob_sizes(self, oids: Sequence[Oid]) -> list[int]:
        """The sizes of many blobs in bytes, in their order."""
        return await self._do(lambda: [self._size(oid) for oid in oids])

    async def write_blob(self, data: bytes) -> Oid:
        """Stores a blob."""
        return await self._do(self._write, ObjectType.BLOB, data)

    async def list_tree(self, tree: Oid, *, recursive: bool) -> list[TreeEntry]:
        """Lists a tree (or a commit's tree); recursive lists leaves only, with whole paths."""

        def look() -> list[TreeEntry]:
            top = self._peel(tree)
            leaves = self._leaves(b"", top) if recursive else self._entries(top).items()
            return [TreeEntry(fsdecode(path), mode, oid) for path, (mode, oid) in leaves]

        return await self._do(look)

    async def write_tree(self, entries: Sequence[TreeEntry]) -> Oid:
        """Stores a tree from leaves with whole paths (folders are made)."""
        leaves = {fsencode(entry.path): (entry.mode, entry.oid) for entry in entries}
        return await self._do(lambda: self._edit({}, leaves) or self._write(ObjectType.TREE, b""))

    async def edit_tree(self, tree: Oid, changes: Mapping[str, tuple[int, Oid] | None]) -> Oid:
        """A tree with some paths set (mode, oid) or removed (None); emptied folders vanish."""
        leaves = {fsencode(path): leaf for path, leaf in changes.items()}

        def edit() -> Oid:
            edited = self._edit(self._entries(self._peel(tree)), leaves)
            return edited or self._write(ObjectType.TREE, b"")

        return await self._do(edit)

    async def diff_trees(self, old: Oid, new: Oid) -> list[TreeChange]:
        """Paths that differ between two trees, sorted by path bytes."""

        def compare() -> list[TreeChange]:
            changes = sorted(self._differences(b"", self._peel(old), self._peel(new)))
            return [TreeChange(fsdecode(path), *before, *after) for path, before, after in changes]

        return await self._do(compare)

    async def merge_trees(self, base: Oid, ours: Oid, theirs: Oid, *, union: Sequence[str] = ()) -> Merge:
        """Merges three trees as `MergingObjects`; sides that cannot meet are put together without git."""
        if ours not in (base, theirs) and theirs != base:
            mine, yours = await self.diff_trees(base, ours), await self.diff_trees(base, theirs)
            if are_apart(mine, yours):
                changes = {
                    change.path: (change.new_mode, change.new_oid) if change.new_oid else None
                    for change in yours
                }
                return Merge(await self.edit_tree(ours, changes), ())
        return await super().merge_trees(base, ours, theirs, union=union)

    async def write_commit(
        self, tree: Oid, parents: Sequence[Oid], message: str, author: Signature, committer: Signature
    ) -> Oid:
        """Stores a commit."""
        raw = encode_commit(tree, parents, message, author, committer)
        return await self._do(self._write, ObjectType.COMMIT, raw)

    async def is_ancestor(self, ancestor: Oid, descendant: Oid) -> bool:
        """Tells whether one commit is reachable from another (a commit is its own ancestor)."""

        def reachable() -> bool:
            self._commit(ancestor)
            self._commit(descendant)
            return ancestor == descendant or self._repo.descendant_of(descendant, ancestor)

        return await self._do(reachable)

    async def read_ref(self, name: str) -> Oid | None:
        """The object a full ref name points at, None when it does not exist."""
        return await self._do(self._ref, name)

    async def list_refs(self, prefix: str) -> dict[str, Oid]:
        """All refs whose full name starts with `prefix`."""

        def look() -> dict[str, Oid]:
            names = (fsdecode(name) for name in self._repo.raw_listall_references())
            found = ((name, self._ref(name)) for name in names if name.startswith(prefix))
            return {name: oid for name, oid in found if oid is not None}

        return await self._do(look)

    async def swap_ref(self, name: str, *, old: Oid | None, new: Oid | None) -> bool:
        """Compare-and-swap: moves, creates (`old` None) or deletes (`new` None) a ref, durably.

        Raises:
            RefLocked: the ref stayed locked for 5 s.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + command.REF_LOCK_WAIT_S
        while True:
            try:
                return await self._do(self._swap, name, old, new)
            except RefLocked:
                if loop.time() >= deadline:
                    raise
            await asyncio.sleep(_RETRY_S)

    # --- in the worker thread ---

    async def _do(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        def translated() -> _T:
            try:
                return work(*args, **kwargs)
            except KeyError as failure:
                raise GitError(f"There is no object {failure.args[0]}.") from failure
            except (pygit2.GitError, ValueError, OSError) as failure:
                if (trouble := command.trouble_said("git", str(failure).encode())) is not None:
                    raise trouble from failure
                raise GitError(f"git: {failure}") from failure

        return await asyncio.get_running_loop().run_in_executor(self._worker, translated)

    @property
    def _repo(self) -> pygit2.Repository:
        if self._opened is None:
            self._opened = pygit2.Repository(str(self._git_dir))
        return self._opened

    def _size(self, oid: Oid) -> int:
        kind, size = self._repo.odb.read_header(oid)
        if kind != ObjectType.BLOB:
            raise GitError(f"{oid} is not a blob.")
        return size

    def _read(self, oid: Oid, kind: ObjectType) -> bytes:
        found, data = self._repo.odb.read(oid)
        if found != kind:
            raise GitError(f"{oid} is not a {kind.name.lower()}.")
        return data

    def _write(self, kind: ObjectType, data: bytes) -> Oid:
        return Oid(str(self._repo.odb.write(kind, data)))

    def _commit(self, oid: Oid) -> Commit:
        return self._cut(parse_commit(oid, self._read(oid, ObjectType.COMMIT)))

    def _peel(self, oid: Oid) -> Oid:
        kind, data = self._repo.odb.read(oid)
        return parse_commit(oid, data).tree if kind == ObjectType.COMMIT else oid

    def _entries(self, tree: Oid) -> dict[bytes, tuple[int, Oid]]:
        raw = self._read(tree, ObjectType.TREE)
        entries: dict[bytes, tuple[int, Oid]] = {}
        position = 0
        while position < len(raw):
            space, end = raw.index(b" ", position), raw.index(b"\0", position)
            oid = Oid(raw[end + 1 : end + 1 + _OID_BYTES].hex())
            entries[raw[space + 1 : end]] = (int(raw[position:space], 8), oid)
            position = end + 1 + _OID_BYTES
        return entries

    def _leaves(self, prefix: bytes, tree: Oid) -> Iterable[tuple[bytes, tuple[int, Oid]]]:
        for name, (mode, oid) in self._entries(tree).items():
            if mode == FOLDER:
                yield from self._leaves(prefix + name + b"/", oid)
            else:
                yield prefix + name, (mode, oid)

    def _edit(
        self, entries: dict[bytes, tuple[int, Oid]], changes: Mapping[bytes, tuple[int, Oid] | None]
    ) -> Oid | None:
        """Writes the edited tree; None when nothing is left in it."""
        below: defaultdict[bytes, dict[bytes, tuple[int, Oid] | None]] = defaultdict(dict)
        for path, leaf in changes.items():
            name, slash, rest = path.partition(b"/")
            check_name(name, path)
            if slash:
                below[name][rest] = leaf
            elif leaf is not None:
                entries[name] = leaf
            elif name in entries and entries[name][0] != FOLDER:
                del entries[name]
        for name, inner in below.items():
            self._edit_folder(entries, name, inner, replaced=changes.get(name) is not None)
        if not entries:
            return None
        ordered = sorted(entries.items(), key=lambda entry: entry[0] + b"/" * (entry[1][0] == FOLDER))
        raw = b"".join(b"%o %s\0" % (mode, name) + bytes.fromhex(oid) for name, (mode, oid) in ordered)
        return self._write(ObjectType.TREE, raw)

    def _edit_folder(
        self,
        entries: dict[bytes, tuple[int, Oid]],
        name: bytes,
        inner: dict[bytes, tuple[int, Oid] | None],
        *,
        replaced: bool,
    ) -> None:
        mode, oid = entries.get(name, (0, Oid("")))
        if mode != FOLDER and not any(inner.values()):
            return
        if replaced and any(inner.values()):
            raise GitError(f"{fsdecode(name)} cannot be a file and a folder.")
        edited = self._edit(self._entries(oid) if mode == FOLDER else {}, inner)
        if edited is None:
            entries.pop(name, None)
        else:
            entries[name] = (FOLDER, edited)

    def _differences(
        self, prefix: bytes, old: Oid | None, new: Oid | None
    ) -> Iterable[tuple[bytes, tuple[int, Oid | None], tuple[int, Oid | None]]]:
        if old == new:
            return
        before = {} if old is None else self._entries(old)
        after = {} if new is None else self._entries(new)
        for name in before.keys() | after.keys():
            was, now = before.get(name, (0, None)), after.get(name, (0, None))
            if was == now:
                continue
            folders = tuple(oid if mode == FOLDER else None for mode, oid in (was, now))
            yield from self._differences(prefix + name + b"/", *folders)
            leaves = tuple((0, None) if mode == FOLDER else (mode, oid) for mode, oid in (was, now))
            if leaves[0] != leaves[1]:
                yield prefix + name, leaves[0], leaves[1]

    def _ref(self, name: str) -> Oid | None:
        try:
            reference = self._repo.references.get(intern(name))  # pygit2 1.21 never lets the name go
            return None if reference is None else Oid(str(reference.resolve().target))
        except (KeyError, ValueError):
            return None

    def _swap(self, name: str, old: Oid | None, new: Oid | None) -> bool:
        try:
            with self._repo.transaction() as transaction:
                transaction.lock_ref(name)
                matches = self._ref(name) == old
                if matches and new is not None:
                    transaction.set_target(name, new)
                elif matches and old is not None:
                    transaction.remove(name)
        except pygit2.GitError as failure:
            if "lock" in str(failure) and command.trouble_said("git", str(failure).encode()) is None:
                raise RefLocked(f"{name} stayed locked for 5 s: {failure}") from failure
            raise
        return matches
