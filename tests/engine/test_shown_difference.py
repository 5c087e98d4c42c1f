from __future__ import annotations

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import REGULAR
from gastown_desktop.engine.shown_difference import shown_difference


async def tree(objects: PygitObjects, **files: bytes) -> Oid:
    changes = {name: (REGULAR, await objects.write_blob(data)) for name, data in files.items()}
    return await objects.edit_tree(await objects.write_tree(()), changes)


async def test_lines_that_differ_are_shown_with_their_file(objects: PygitObjects) -> None:
    made = await tree(objects, a=b"one\ntwo\nthree\n", b=b"same\n")
    wanted = await tree(objects, a=b"one\n2\nthree\n", b=b"same\n")
    lines = await shown_difference(objects, made, wanted, ["a", "b"])
    assert lines[:2] == ("--- merged/a", "+++ history/a")
    assert "-two" in lines
    assert "+2" in lines


async def test_only_the_paths_asked_for_are_shown(objects: PygitObjects) -> None:
    made, wanted = await tree(objects, a=b"1\n", z=b"1\n"), await tree(objects, a=b"2\n", z=b"2\n")
    assert not any("/z" in line for line in await shown_difference(objects, made, wanted, ["a"]))


async def test_files_that_came_or_went_are_shown_whole(objects: PygitObjects) -> None:
    made, wanted = await tree(objects, a=b"gone\n", c=b""), await tree(objects, b=b"new\n", c=b"")
    lines = await shown_difference(objects, made, wanted, ["a", "b"])
    assert "-gone" in lines
    assert "+new" in lines


async def test_what_is_no_text_is_named_only(objects: PygitObjects) -> None:
    made, wanted = await tree(objects, a=b"\0one"), await tree(objects, a=b"\0two")
    assert await shown_difference(objects, made, wanted, ["a"]) == ("a: not shown, it is no text or large",)


async def test_a_long_difference_is_cut(objects: PygitObjects) -> None:
    many = {f"f{number}": b"x\n" * 40 for number in range(5)}
    lines = await shown_difference(objects, await tree(objects, z=b""), await tree(objects, **many), many)
    assert len(lines) == 25
    assert lines[-1] == "…"
