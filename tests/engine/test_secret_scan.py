"""No secret comes to the model, into a history or into a commit."""

from __future__ import annotations

from typing import Any

import pytest

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.secrets import Secret, Secrets
from gastown_desktop.engine.git_ports import Snapshot
from gastown_desktop.engine.secret_scan import refuse_left_out, refuse_secrets, secret_added
from tests.engine.test_polecat import hook_of, town, work
from tests.fakes.slots import said
from tests.fakes.town import FakeTown, says, submits, use

__all__ = ["town"]
TOKEN = "tok-8f3a9c1e"
AWS = "AKIA" + "Z7Q4" * 4
KNOWN = Secrets([Secret("API_TOKEN", TOKEN)])


def results(town: FakeTown) -> str:
    return str([request.messages for request in town.model.requests])


async def test_what_tools_say_is_masked_before_model_and_history(town: FakeTown) -> None:
    town.kit.secrets = KNOWN
    town.sandbox.answer = lambda command: said(f"{command} says {TOKEN}\n")  # type: ignore[method-assign]
    await work(
        town,
        says(use("bash", command="cat .env")),
        says(use("write", path="n.txt", content="n\n"), submits()),
    )
    hook = await hook_of(town)
    assert "says ‹secret:API_TOKEN›" in results(town)
    assert TOKEN not in results(town)
    assert TOKEN not in str(hook.turns)


@pytest.mark.parametrize(("text", "told"), [(TOKEN, "‹secret:API_TOKEN›"), (AWS, "looks like a key of AWS")])
async def test_a_change_with_a_secret_is_refused_by_name_and_taken_without_it(
    town: FakeTown, text: str, told: str
) -> None:
    town.kit.secrets, town.kit.scans = KNOWN, True
    write: Any = use("write", path="c.txt", content=f"x = '{text}'\n")
    clean: Any = use("write", path="c.txt", content="x = read()\n")
    assert await work(town, says(write), says(submits()), says(clean, submits())) == "submitted"
    assert "c.txt holds" in results(town)
    assert told in results(town)
    (event,) = town.events("bead_submitted")
    tree = await town.objects.tree_of(event.commit)
    blobs = [
        await town.objects.read_blob(leaf.oid) for leaf in await town.objects.list_tree(tree, recursive=True)
    ]
    assert not any(text.encode() in blob for blob in blobs)


async def test_what_was_there_before_is_nobodys_fault(town: FakeTown) -> None:
    town.kit.secrets, town.kit.scans = KNOWN, True
    old = await town.commit(town.base, "Old", c_txt=f"{TOKEN} {AWS}\n")
    new = await town.commit(town.base, "New", c_txt=f"{TOKEN} {AWS} and more\n")
    moved = await town.commit(town.base, "Moved", d_txt=f"{TOKEN}\n")
    before, after, elsewhere = [await town.objects.tree_of(commit) for commit in (old, new, moved)]
    assert await secret_added(town.kit, before, after, by_looks=True) == ""
    assert await secret_added(town.kit, before, elsewhere, by_looks=True) == "d.txt holds ‹secret:API_TOKEN›"


async def test_a_rehearsal_hands_in_what_history_has(town: FakeTown) -> None:
    town.kit.secrets = KNOWN
    commit = await town.commit(town.base, "As it was", c_txt=f"{TOKEN}\n")
    await refuse_secrets(town.kit, town.base, await town.objects.tree_of(commit))


async def test_what_a_gate_prints_is_masked_before_anybody_is_told(town: FakeTown) -> None:
    town.kit.secrets = KNOWN
    town.sandbox.verdict = lambda _command, _files: said(f"token {TOKEN}\n", 1)
    result = await town.runner("make test").check(town.base, purpose="candidate")
    assert result.tail == "token ‹secret:API_TOKEN›"
    assert TOKEN not in str(town.told)


def test_a_file_that_stayed_out_of_the_snapshot_is_named() -> None:
    refuse_left_out(Snapshot(tree="t", left_out=("big.bin: larger than 20 MB",)))  # type: ignore[arg-type]
    with pytest.raises(ToolRefused, match=r"c\.txt: holds"):
        refuse_left_out(Snapshot(tree="t", left_out=("c.txt: holds ‹secret:K›",)))  # type: ignore[arg-type]
