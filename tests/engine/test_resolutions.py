from __future__ import annotations

import asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import REGULAR
from gastown_desktop.engine.resolutions import Resolutions

REF = "refs/gastown/resolutions"


async def tree(objects: PygitObjects, **files: str) -> Oid:
    changes = {name: (REGULAR, await objects.write_blob(text.encode())) for name, text in files.items()}
    return await objects.edit_tree(await objects.write_tree(()), changes)


async def test_the_same_conflict_comes_out_as_it_did_beside_other_changes(objects: PygitObjects) -> None:
    memory = Resolutions(objects, REF)
    base, ours, theirs = [await tree(objects, a=text) for text in ("0\n", "1\n", "2\n")]
    assert await memory.learn(base, ours, theirs, await tree(objects, a="1 and 2\n")) == 1
    later = await tree(objects, a="1\n", other="new\n")
    merge = await objects.merge_trees(base, later, theirs)
    assert merge.conflicts
    again = await Resolutions(objects, REF).recall(base, later, theirs, merge)
    assert again == await tree(objects, a="1 and 2\n", other="new\n")


async def test_another_conflict_in_the_same_file_is_not_known(objects: PygitObjects) -> None:
    memory = Resolutions(objects, REF)
    base, ours, theirs = [await tree(objects, a=text) for text in ("0\n", "1\n", "2\n")]
    await memory.learn(base, ours, theirs, await tree(objects, a="1 and 2\n"))
    other = await tree(objects, a="3\n")
    assert await memory.recall(base, other, theirs, await objects.merge_trees(base, other, theirs)) is None


async def test_a_conflict_of_which_one_file_is_unknown_is_not_settled(objects: PygitObjects) -> None:
    memory = Resolutions(objects, REF)
    base, ours, theirs = [await tree(objects, a=text) for text in ("0\n", "1\n", "2\n")]
    await memory.learn(base, ours, theirs, await tree(objects, a="1 and 2\n"))
    base, ours, theirs = [await tree(objects, a=text, b=text) for text in ("0\n", "1\n", "2\n")]
    assert await memory.recall(base, ours, theirs, await objects.merge_trees(base, ours, theirs)) is None


async def test_files_that_a_side_deleted_are_not_remembered(objects: PygitObjects) -> None:
    memory = Resolutions(objects, REF)
    base, ours, theirs = [await tree(objects, **files) for files in ({"a": "0\n"}, {}, {"a": "2\n"})]
    assert await memory.learn(base, ours, theirs, await tree(objects)) == 0
    assert await objects.read_ref(REF) is None


async def test_a_clean_merge_teaches_and_recalls_nothing(objects: PygitObjects) -> None:
    memory = Resolutions(objects, REF)
    base, ours = await tree(objects, a="0\n"), await tree(objects, a="1\n")
    assert await memory.learn(base, ours, base, ours) == 0
    assert await memory.recall(base, ours, base, await objects.merge_trees(base, ours, base)) is None


async def test_two_that_learn_at_once_both_keep_what_they_learnt(objects: PygitObjects) -> None:
    base = await tree(objects, a="0\n")
    sides = [(await tree(objects, a=f"o{n}\n"), await tree(objects, a=f"t{n}\n")) for n in range(4)]
    result = await tree(objects, a="r\n")
    await asyncio.gather(
        *(Resolutions(objects, REF).learn(base, ours, theirs, result) for ours, theirs in sides)
    )
    memory = Resolutions(objects, REF)
    for ours, theirs in sides:
        merge = await objects.merge_trees(base, ours, theirs)
        assert await memory.recall(base, ours, theirs, merge) == result
