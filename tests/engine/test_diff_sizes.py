"""Lines that came and went, on real trees."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.diff_sizes import LineCounts
from gastown_desktop.engine.git_ports import REGULAR, SYMLINK, TreeEntry

Files = Mapping[str, bytes]


async def tree(objects: PygitObjects, files: Files, mode: int = REGULAR) -> Oid:
    return await objects.write_tree(
        [TreeEntry(path, mode, await objects.write_blob(data)) for path, data in files.items()]
    )


async def counted(objects: PygitObjects, before: Files, after: Files) -> tuple[int, int]:
    changes = await objects.diff_trees(await tree(objects, before), await tree(objects, after))
    return await LineCounts().count(objects, changes)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({"a": b"1\n2\n"}, {"a": b"1\n2\n"}, (0, 0)),
        ({"a": b"1\n2\n"}, {"a": b"1\n3\n4\n"}, (2, 1)),
        ({"a": b"1\n2\n"}, {"a": b"2\n1\n"}, (0, 0)),
        ({"z": b""}, {"z": b"", "a": b"1\n2"}, (2, 0)),
        ({"z": b"", "a": b"1\n2"}, {"z": b""}, (0, 2)),
        ({"a": b"1\n"}, {"a": b"1\0\n"}, (0, 0)),
        ({"a": b"1\n"}, {"a": b"x\n" * 600_000}, (0, 0)),
        ({"a": b"1\n", "b": b"1\n"}, {"a": b"2\n", "b": b"1\n1\n"}, (2, 1)),
    ],
)
async def test_lines_that_came_and_went_are_counted_as_a_bag(
    objects: PygitObjects, before: Files, after: Files, lines: tuple[int, int]
) -> None:
    assert await counted(objects, before, after) == lines


async def test_a_link_has_no_lines(objects: PygitObjects) -> None:
    before, after = await tree(objects, {"a": b"b"}, SYMLINK), await tree(objects, {"a": b"c"}, SYMLINK)
    assert await LineCounts().count(objects, await objects.diff_trees(before, after)) == (0, 0)


async def test_what_was_counted_once_is_not_read_again(
    objects: PygitObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Oid] = []
    read = objects.read_blob

    async def noting(oid: Oid) -> bytes:
        reads.append(oid)
        return await read(oid)

    monkeypatch.setattr(objects, "read_blob", noting)
    counts, before = LineCounts(), await tree(objects, {"a": b"1\n"})
    first = await objects.diff_trees(before, await tree(objects, {"a": b"2\n"}))
    later = await objects.diff_trees(before, await tree(objects, {"a": b"2\n", "b": b"3\n"}))
    assert await counts.count(objects, first) == (1, 1)
    assert await counts.count(objects, first) == (1, 1)
    assert len(reads) == 2
    assert await counts.count(objects, later) == (2, 1)
    assert len(reads) == 3
