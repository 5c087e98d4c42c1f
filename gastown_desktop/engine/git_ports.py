"""What the engine needs of git: objects, and slots with their files.

Paths inside a repository are `str` with `/` between parts and no leading slash; a name that is not
valid UTF-8 is carried with surrogate escapes (`os.fsdecode`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from gastown_desktop.core.ids import Oid

REGULAR = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000
GITLINK = 0o160000
FOLDER = 0o040000


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a tree; `path` is relative to the tree that was listed."""

    path: str
    mode: int
    oid: Oid


@dataclass(frozen=True, slots=True)
class TreeChange:
    """One path that differs between two trees; a side that lacks the path has mode 0 and oid None.

    Renames are not detected: a rename is a delete and an add.
    """

    path: str
    old_mode: int
    old_oid: Oid | None
    new_mode: int
    new_oid: Oid | None


@dataclass(frozen=True, slots=True)
class Signature:
    """Who and when; `when` is aware, its offset is kept."""

    name: str
    email: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as stored; `message` is decoded leniently."""

    oid: Oid
    tree: Oid
    parents: tuple[Oid, ...]
    author: Signature
    committer: Signature
    message: str

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.strip().split("\n", 1)[0].strip()


@dataclass(frozen=True, slots=True)
class Merge:
    """The result of a three-way merge of trees, made by git's ort strategy."""

    tree: Oid
    """The merged tree; with conflict markers inside where `conflicts` is not empty."""
    conflicts: tuple[str, ...]
    """Paths in conflict, sorted; empty when the merge is clean."""


class GitObjects(Protocol):
    """Objects and refs of one repository. All methods raise `GitError` on what git does not expect."""

    @property
    def hash_name(self) -> str:
        """`sha1` or `sha256`."""
        ...

    async def resolve(self, rev: str) -> Oid | None:
        """The commit a revision names (ref, id, `HEAD`, `ref~2`); None when there is none."""
        ...

    async def read_commit(self, oid: Oid) -> Commit:
        """Reads a commit."""
        ...

    async def first_parents(self, tip: Oid, limit: int) -> list[Commit]:
        """Up to `limit` commits from `tip` along first parents, newest first."""
        ...

    async def tree_of(self, commit: Oid) -> Oid:
        """The tree of a commit."""
        ...

    async def read_blob(self, oid: Oid) -> bytes:
        """Reads a blob whole."""
        ...

    async def blob_size(self, oid: Oid) -> int:
        """The size of a blob in bytes, without reading it."""
        ...

    async def blob_sizes(self, oids: Sequence[Oid]) -> list[int]:
        """The sizes of many blobs in bytes, in their order."""
        ...

    async def write_blob(self, data: bytes) -> Oid:
        """Stores a blob."""
        ...

    async def list_tree(self, tree: Oid, *, recursive: bool) -> list[TreeEntry]:
        """Lists a tree (or a commit's tree); recursive lists leaves only, with whole paths."""
        ...

    async def write_tree(self, entries: Sequence[TreeEntry]) -> Oid:
        """Stores a tree from leaves with whole paths (folders are made)."""
        ...

    async def edit_tree(self, tree: Oid, changes: Mapping[str, tuple[int, Oid] | None]) -> Oid:
        """A tree with some paths set (mode, oid) or removed (None); emptied folders vanish."""
        ...

    async def diff_trees(self, old: Oid, new: Oid) -> list[TreeChange]:
        """Paths that differ between two trees, sorted by path bytes."""
        ...

    async def write_commit(
        self, tree: Oid, parents: Sequence[Oid], message: str, author: Signature, committer: Signature
    ) -> Oid:
        """Stores a commit."""
        ...

    async def merge_trees(self, base: Oid, ours: Oid, theirs: Oid, *, union: Sequence[str] = ()) -> Merge:
        """Merges three trees (not commits) with pinned options; nothing but objects is written.

        Args:
            base: what both sides came from.
            ours: the side that is merged into.
            theirs: the side that is merged.
            union: paths of which the lines of both sides are kept where they meet.
        """
        ...

    async def patch_id(self, old: Oid, new: Oid) -> str:
        """Names the change from one tree to another as `git patch-id --stable` does; empty for no change.

        Line numbers, white space and the order of files do not count.
        """
        ...

    async def is_ancestor(self, ancestor: Oid, descendant: Oid) -> bool:
        """Tells whether one commit is reachable from another (a commit is its own ancestor)."""
        ...

    async def read_ref(self, name: str) -> Oid | None:
        """The object a full ref name points at, None when it does not exist."""
        ...

    async def list_refs(self, prefix: str) -> dict[str, Oid]:
        """All refs whose full name starts with `prefix`."""
        ...

    async def swap_ref(self, name: str, *, old: Oid | None, new: Oid | None) -> bool:
        """Compare-and-swap: moves, creates (`old` None) or deletes (`new` None) a ref, durably.

        Returns:
            False when the ref was not at `old`; then nothing changed.

        Raises:
            RefLocked: the ref stayed locked for 5 s.
        """
        ...


@dataclass(frozen=True, slots=True)
class Slot:
    """A working folder of one worker (or of a gate) on the engine's side."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The content of a slot as a tree of the rig's repository."""

    tree: Oid
    left_out: tuple[str, ...]
    """Paths that were not taken, each with its reason: `path: reason`."""


class Slots(Protocol):
    """Working folders of one rig; the throw-away `.git` in each is never read by us."""

    async def prepare(self, name: str, commit: Oid) -> Slot:
        """Gives a clean slot at a commit: made anew, or reused after cleaning away everything else."""
        ...

    def slot(self, name: str) -> Slot:
        """A slot by its name, whether it exists or not."""
        ...

    async def snapshot(self, slot: Slot) -> Snapshot:
        """Stores what the slot holds now, untracked files included, ignored ones not."""
        ...

    async def reset(self, slot: Slot, tree: Oid) -> None:
        """Makes the slot hold exactly this tree; ignored files may stay."""
        ...

    async def remove(self, name: str) -> None:
        """Deletes a slot and its private index; a slot that does not exist is no error."""
        ...

    async def names(self) -> list[str]:
        """Slots that exist on disk, also those of an earlier process."""
        ...


class KeepingSlots(Slots, Protocol):
    """Slots in which something that git ignores may stay from one use to the next."""

    async def prepare(self, name: str, commit: Oid, *, made: str = "") -> Slot:
        """As any slot; what `keep_made` took down under the name `made` stays if nobody changed any of it."""
        ...

    async def has_made(self, name: str, made: str) -> bool:
        """Whether that stayed."""
        ...

    async def keep_made(self, slot: Slot, commit: Oid, made: str) -> tuple[str, ...]:
        """Takes down what is in a slot besides a commit and is ignored by git: no snapshot has it.

        Everything else is put back as the commit has it.

        Returns:
            Paths that were removed as git does not ignore them.
        """
        ...


class SlotFiles(Protocol):
    """Files of one slot, opened without following links, regular files only."""

    def read(self, path: str, limit: int) -> bytes:
        """Reads a file of at most `limit` bytes; raises ToolRefused."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Writes a whole file, making folders; raises ToolRefused."""
        ...
