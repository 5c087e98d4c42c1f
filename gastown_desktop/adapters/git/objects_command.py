"""Objects and refs through the `git` command alone: for SHA-256 and reftable repositories.

Also what both adapters share: how commits and trees are spelled, and the merge, which is always git's.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import weakref
import zlib
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from os import fsdecode, fsencode
from pathlib import Path
from typing import TYPE_CHECKING

from gastown_desktop.adapters.git.command import common_dir, git_failure
from gastown_desktop.adapters.git.files import read_regular
from gastown_desktop.core.errors import GitError, RefLocked
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import Commit, Merge, Signature, TreeChange, TreeEntry

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from gastown_desktop.adapters.git.command import GitCommand

_WHO = re.compile(rb"(.*?) ?<(.*?)>? +(-?\d+)(?: ([+-])(\d\d)(\d\d))?", re.DOTALL)
_FORBIDDEN_NAME = re.compile(rb"|\.|\.\.|\.git|git~1", re.IGNORECASE)
_LARGEST_SHALLOW = 1 << 26
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MERGING = "merging-"
"""What folders of the repository begin with in which a process merges: then its number, a dash, chance."""
_MERGE_WHO = b"Gas Town <merge@gastown.invalid> 1000000000 +0000"


def check_name(name: bytes, path: bytes) -> None:
    """Checks one part of a path that is to be stored.

    Raises:
        GitError: a checkout of it would leave the folder or touch a repository's insides.
    """
    if _FORBIDDEN_NAME.fullmatch(name):
        raise GitError(f"{fsdecode(path)} is not a path that git stores.")


def encode_signature(who: Signature) -> bytes:
    """Spells a signature as in a commit; what would break the line is left out."""
    name, email = (re.sub(r"[<>\n\0]", "", text).strip() for text in (who.name, who.email))
    offset = who.when.utcoffset() or timedelta()
    minutes = round(abs(offset).total_seconds() / 60)
    sign = "-" if offset < timedelta() else "+"
    stamp = f"{int(who.when.timestamp())} {sign}{minutes // 60:02}{minutes % 60:02}"
    return f"{name} <{email}> {stamp}".encode("utf-8", "surrogateescape")


def encode_commit(
    tree: Oid, parents: Sequence[Oid], message: str, author: Signature, committer: Signature
) -> bytes:
    """Spells a commit."""
    head = [f"tree {tree}".encode(), *(f"parent {parent}".encode() for parent in parents)]
    head += [b"author " + encode_signature(author), b"committer " + encode_signature(committer)]
    return b"\n".join(head) + b"\n\n" + message.encode("utf-8", "surrogateescape")


def parse_commit(oid: Oid, raw: bytes) -> Commit:
    """Reads a commit as stored.

    Raises:
        GitError: it has no tree.
    """
    head, _, message = raw.partition(b"\n\n")
    fields: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        fields.setdefault(key, []).append(value)
    if b"tree" not in fields:
        raise GitError(f"{oid} is not a commit.")
    return Commit(
        oid=oid,
        tree=Oid(fields[b"tree"][0].decode()),
        parents=tuple(Oid(parent.decode()) for parent in fields.get(b"parent", ())),
        author=_parse_signature(fields.get(b"author", [b""])[0]),
        committer=_parse_signature(fields.get(b"committer", [b""])[0]),
        message=_decode(message, fields.get(b"encoding", [b"utf-8"])[0]),
    )


def _decode(text: bytes, encoding: bytes) -> str:
    try:
        return text.decode(encoding.decode("ascii", "replace"), "replace")
    except LookupError:
        return text.decode("utf-8", "replace")


def _parse_signature(raw: bytes) -> Signature:
    found = _WHO.fullmatch(raw)
    if found is None:
        return Signature(raw.decode("utf-8", "replace"), "", _EPOCH)
    minutes = int(found[5] or 0) * 60 + int(found[6] or 0)
    try:
        zone = timezone(timedelta(minutes=-minutes if found[4] == b"-" else minutes))
        when = datetime.fromtimestamp(int(found[3]), zone)
    except (ValueError, OverflowError, OSError):
        when = _EPOCH
    return Signature(found[1].decode("utf-8", "replace"), found[2].decode("utf-8", "replace"), when)


def read_shallow(git_dir: Path) -> frozenset[Oid]:
    """Commits whose parents a shallow repository does not have."""
    text = read_regular(common_dir(git_dir) / "shallow", _LARGEST_SHALLOW) or b""
    return frozenset(Oid(line) for line in text.decode("ascii", "replace").split())


class MergingObjects:
    """What both adapters share: commits cut at the shallow boundary, and git's own merge.

    Args:
        git: runs git.
        git_dir: the repository.
        hash_name: `sha1` or `sha256`.
    """

    def __init__(self, git: GitCommand, git_dir: Path, hash_name: str) -> None:
        self._git = git
        self._git_dir = git_dir
        self._hash_name = hash_name
        self._scratches: list[Path] = []

    @property
    def hash_name(self) -> str:
        """`sha1` or `sha256`."""
        return self._hash_name

    def _cut(self, commit: Commit) -> Commit:
        return replace(commit, parents=()) if commit.oid in read_shallow(self._git_dir) else commit

    def close(self) -> None:
        """Gives back what it holds open: nothing, where every question is a command."""

    async def merge_trees(self, base: Oid, ours: Oid, theirs: Oid, *, union: Sequence[str] = ()) -> Merge:
        """Merges three trees with git's ort strategy; nothing but objects is written.

        The repository's configuration and attributes are not in force, conflict markers say `ours` and
        `theirs`. The commits that git wants are made in a folder of their own.

        Args:
            base: what both sides came from.
            ours: the side that is merged into.
            theirs: the side that is merged.
            union: paths of which the lines of both sides are kept where they meet.

        Raises:
            GitError: a tree is missing.
        """
        if ours == theirs or theirs == base:
            return Merge(ours, ())
        if ours == base:
            return Merge(theirs, ())
        args = ("merge-tree", "--write-tree", "-z", "--messages", "ours", "theirs")
        with self._synthetic_repository(base, ours, theirs) as scratch:
            _write_union(scratch, union)
            done = await self._git.run(
                *args,
                git_dir=scratch,
                object_directory=common_dir(self._git_dir) / "objects",
                alternates=(scratch / "objects",),
                check=False,
            )
        if done.exit_code not in (0, 1) or done.timed_out or not done.output:
            raise git_failure(args, done)
        return parse_merge(done.output, clean=done.exit_code == 0)

    async def patch_id(self, old: Oid, new: Oid) -> str:
        """Names the change from one tree to another as `git patch-id --stable` does; empty for no change.

        Renames are not looked for, so that the name depends on the two trees only.

        Raises:
            GitError: a tree is missing.
        """
        patch = await self._git.run(
            *("diff-tree", "-r", "-p", "--full-index", "--no-renames", "--no-color", old, new),
            git_dir=self._git_dir,
        )
        if not patch.output:
            return ""
        named = await self._git.run("patch-id", "--stable", git_dir=self._git_dir, input=patch.output)
        return named.output.split(b" ")[0].decode().strip()

    @contextmanager
    def _synthetic_repository(self, base: Oid, ours: Oid, theirs: Oid) -> Generator[Path]:
        """A repository with the two commits to merge; they are used again and go with this object."""
        scratch = self._scratches.pop() if self._scratches else self._make_scratch()
        root = self._plant(scratch, base, None)
        for name, tree in (("ours", ours), ("theirs", theirs)):
            commit = self._plant(scratch, tree, root)
            (scratch / "refs" / "heads" / name).write_text(commit + "\n")
        yield scratch
        self._scratches.append(scratch)

    def _make_scratch(self) -> Path:
        scratch = Path(tempfile.mkdtemp(prefix=f"{MERGING}{os.getpid()}-", dir=self._git_dir))
        weakref.finalize(self, shutil.rmtree, scratch, ignore_errors=True)
        (scratch / "refs" / "heads").mkdir(parents=True)
        (scratch / "objects").mkdir()
        (scratch / "HEAD").write_text("ref: refs/heads/ours\n")
        config = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n"
        if self._hash_name != "sha1":
            config += f"[extensions]\n\tobjectformat = {self._hash_name}\n"
        (scratch / "config").write_text(config)
        return scratch

    def _plant(self, scratch: Path, tree: Oid, parent: str | None) -> str:
        head = f"tree {tree}\n" + (f"parent {parent}\n" if parent else "")
        body = head.encode() + b"author " + _MERGE_WHO + b"\ncommitter " + _MERGE_WHO + b"\n\nmerge\n"
        content = b"commit %d\0" % len(body) + body
        oid = hashlib.new(self._hash_name, content, usedforsecurity=False).hexdigest()
        file = scratch / "objects" / oid[:2] / oid[2:]
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(zlib.compress(content, 1))
        return oid


def are_apart(mine: Sequence[TreeChange], yours: Sequence[TreeChange]) -> bool:
    """Tells whether two sides of a merge cannot meet: then the merged tree has the changes of both.

    They may meet on the same path, on a path inside the other's, and where one side adds files and the other
    takes files away: git may see renames of files or whole folders there.
    """
    for one, other in ((mine, yours), (yours, mine)):
        adds = any(change.old_oid is None for change in one)
        if adds and any(change.new_oid is None for change in other):
            return False
    paths = {change.path for change in mine}
    above = {folder for path in paths for folder in _folders_above(path)}
    return not any(
        change.path in paths or change.path in above or not paths.isdisjoint(_folders_above(change.path))
        for change in yours
    )


def _folders_above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _write_union(scratch: Path, paths: Sequence[str]) -> None:
    """Sets git's own union merge for some paths, and for no other."""
    lines = [b'"/%s" merge=union\n' % _in_quotes(fsencode(path)) for path in paths]
    (scratch / "info").mkdir(exist_ok=True)
    (scratch / "info" / "attributes").write_bytes(b"".join(lines))


def _in_quotes(path: bytes) -> bytes:
    """A path as a pattern that fits it alone, between the double quotes of an attributes file."""
    for sign in b"\\*?[":
        path = path.replace(bytes([sign]), b"\\" + bytes([sign]))
    return path.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def parse_merge(output: bytes, *, clean: bool) -> Merge:
    """Reads what `git merge-tree --write-tree -z` says."""
    fields = output.split(b"\0")
    tree = Oid(fields[0].decode())
    if clean:
        return Merge(tree, ())
    paths: set[str] = set()
    position = 1
    while position < len(fields) and fields[position]:
        paths.add(fsdecode(fields[position].partition(b"\t")[2]))
        position += 1
    position += 1
    # A conflict without a staged path is only told in the messages: count, paths, kind, text.
    while not paths and position + 1 < len(fields):
        count = int(fields[position])
        if fields[position + count + 1].startswith(b"CONFLICT"):
            paths.update(fsdecode(path) for path in fields[position + 1 : position + count + 1])
        position += count + 3
    return Merge(tree, tuple(sorted(paths, key=fsencode)))


class CommandObjects(MergingObjects):
    """Objects and refs of one repository, only with the command (the `GitObjects` port)."""

    async def resolve(self, rev: str) -> Oid | None:
        """The commit a revision names; None when there is none."""
        done = await self._git.run(
            *("rev-parse", "--verify", "--quiet", "--end-of-options", rev + "^{commit}"),
            git_dir=self._git_dir,
            check=False,
        )
        return Oid(done.output.decode().strip()) if done.exit_code == 0 else None

    async def read_commit(self, oid: Oid) -> Commit:
        """Reads a commit."""
        return (await self._read_commits([oid]))[0]

    async def first_parents(self, tip: Oid, limit: int) -> list[Commit]:
        """Up to `limit` commits from `tip` along first parents, newest first."""
        done = await self._out("rev-list", "--first-parent", f"--max-count={limit}", "--end-of-options", tip)
        return await self._read_commits([Oid(line) for line in done.decode().split()])

    async def tree_of(self, commit: Oid) -> Oid:
        """The tree of a commit."""
        return (await self.read_commit(commit)).tree

    async def read_blob(self, oid: Oid) -> bytes:
        """Reads a blob whole."""
        return (await self._read([oid], "blob"))[0]

    async def blob_size(self, oid: Oid) -> int:
        """The size of a blob in bytes, without reading it."""
        return (await self.blob_sizes([oid]))[0]

    async def blob_sizes(self, oids: Sequence[Oid]) -> list[int]:
        """The sizes of many blobs in bytes, in their order."""
        asked = b"".join(oid.encode() + b"\n" for oid in oids)
        sizes: list[int] = []
        for line in (await self._out("cat-file", "--batch-check", input=asked)).splitlines():
            fields = line.split()
            if len(fields) != 3 or fields[1] != b"blob":
                raise GitError(f"{fields[0].decode()} is not a blob.")
            sizes.append(int(fields[2]))
        return sizes

    async def write_blob(self, data: bytes) -> Oid:
        """Stores a blob."""
        return Oid((await self._out("hash-object", "-w", "--stdin", input=data)).decode().strip())

    async def list_tree(self, tree: Oid, *, recursive: bool) -> list[TreeEntry]:
        """Lists a tree (or a commit's tree); recursive lists leaves only, with whole paths."""
        options = ("-r",) if recursive else ()
        listing = await self._out("ls-tree", "-z", "--full-tree", *options, tree)
        entries: list[TreeEntry] = []
        for line in listing.split(b"\0")[:-1]:
            head, _, path = line.partition(b"\t")
            mode, _, oid = head.split(b" ")
            entries.append(TreeEntry(fsdecode(path), int(mode, 8), Oid(oid.decode())))
        return entries

    async def write_tree(self, entries: Sequence[TreeEntry]) -> Oid:
        """Stores a tree from leaves with whole paths (folders are made)."""
        return await self._index_tree(None, {entry.path: (entry.mode, entry.oid) for entry in entries})

    async def edit_tree(self, tree: Oid, changes: Mapping[str, tuple[int, Oid] | None]) -> Oid:
        """A tree with some paths set (mode, oid) or removed (None); emptied folders vanish."""
        return await self._index_tree(tree, changes)

    async def diff_trees(self, old: Oid, new: Oid) -> list[TreeChange]:
        """Paths that differ between two trees, sorted by path bytes."""
        listing = await self._out("diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", old, new)
        fields = listing.split(b"\0")[:-1]
        changes: list[TreeChange] = []
        for head, path in zip(fields[::2], fields[1::2], strict=True):
            old_mode, new_mode, old_oid, new_oid, _ = head[1:].decode().split(" ")
            sides = (int(old_mode, 8), _oid(old_oid), int(new_mode, 8), _oid(new_oid))
            changes.append(TreeChange(fsdecode(path), *sides))
        return sorted(changes, key=lambda change: fsencode(change.path))

    async def write_commit(
        self, tree: Oid, parents: Sequence[Oid], message: str, author: Signature, committer: Signature
    ) -> Oid:
        """Stores a commit."""
        raw = encode_commit(tree, parents, message, author, committer)
        return Oid(
            (await self._out("hash-object", "-t", "commit", "-w", "--stdin", input=raw)).decode().strip()
        )

    async def is_ancestor(self, ancestor: Oid, descendant: Oid) -> bool:
        """Tells whether one commit is reachable from another (a commit is its own ancestor)."""
        args = ("merge-base", "--is-ancestor", ancestor, descendant)
        done = await self._git.run(*args, git_dir=self._git_dir, check=False)
        if done.exit_code not in (0, 1):
            raise git_failure(args, done)
        return done.exit_code == 0

    async def read_ref(self, name: str) -> Oid | None:
        """The object a full ref name points at, None when it does not exist."""
        done = await self._git.run(
            *("show-ref", "--verify", "--hash", "--", name), git_dir=self._git_dir, check=False
        )
        return Oid(done.output.decode().strip()) if done.exit_code == 0 else None

    async def list_refs(self, prefix: str) -> dict[str, Oid]:
        """All refs whose full name starts with `prefix`."""
        listing = await self._out("for-each-ref", "--format=%(objectname) %(refname)")
        pairs = (line.partition(b" ") for line in listing.splitlines())
        refs = {fsdecode(name): Oid(oid.decode()) for oid, _, name in pairs}
        return {name: oid for name, oid in refs.items() if name.startswith(prefix)}

    async def swap_ref(self, name: str, *, old: Oid | None, new: Oid | None) -> bool:
        """Compare-and-swap: moves, creates (`old` None) or deletes (`new` None) a ref, durably.

        Raises:
            RefLocked: the ref stayed locked for 5 s.
        """
        if old is None and new is None:
            return await self.read_ref(name) is None
        zero = "0" * (40 if self._hash_name == "sha1" else 64)
        line = fsencode(f"update {name}\0{new or zero}\0{old or zero}\0")
        try:
            await self._out(
                "update-ref", "--no-deref", "--stdin", "-z", input=b"start\0" + line + b"commit\0"
            )
        except RefLocked:
            raise
        except GitError:
            if await self.read_ref(name) == old:
                raise
            return False
        return True

    async def _out(self, *args: str, input: bytes = b"") -> bytes:  # noqa: A002 - as in GitCommand.run
        return (await self._git.run(*args, git_dir=self._git_dir, input=input)).output

    async def _read_commits(self, oids: Sequence[Oid]) -> list[Commit]:
        raws = await self._read(oids, "commit") if oids else []
        return [self._cut(parse_commit(oid, raw)) for oid, raw in zip(oids, raws, strict=True)]

    async def _read(self, oids: Iterable[Oid], kind: str) -> list[bytes]:
        wanted = list(oids)
        output = await self._out("cat-file", "--batch", input="".join(f"{oid}\n" for oid in wanted).encode())
        contents: list[bytes] = []
        position = 0
        for oid in wanted:
            end = output.find(b"\n", position)
            fields = output[position:end].split(b" ")
            if len(fields) != 3 or fields[1] != kind.encode():
                raise GitError(f"{oid} is not a {kind}.")
            position = end + 2 + int(fields[2])
            contents.append(output[end + 1 : position - 1])
        return contents

    async def _index_tree(self, tree: Oid | None, changes: Mapping[str, tuple[int, Oid] | None]) -> Oid:
        zero = "0" * (40 if self._hash_name == "sha1" else 64)
        for path in map(fsencode, changes):
            for name in path.split(b"/"):
                check_name(name, path)
        # Removals first: a file may make room for a folder of its name.
        ordered = sorted(changes.items(), key=lambda item: item[1] is not None)
        lines = (
            fsencode(f"0 {zero}\t{path}\0" if leaf is None else f"{leaf[0]:06o} {leaf[1]}\t{path}\0")
            for path, leaf in ordered
        )
        with tempfile.TemporaryDirectory(prefix="gastown-index-") as folder:
            index = Path(folder) / "index"
            if tree is not None:
                await self._git.run("read-tree", tree, git_dir=self._git_dir, index_file=index)
            await self._git.run(
                *("update-index", "--add", "--replace", "-z", "--index-info"),
                git_dir=self._git_dir,
                index_file=index,
                input=b"".join(lines),
            )
            written = await self._git.run("write-tree", git_dir=self._git_dir, index_file=index)
        return Oid(written.output.decode().strip())


def _oid(spelled: str) -> Oid | None:
    return Oid(spelled) if spelled.strip("0") else None
