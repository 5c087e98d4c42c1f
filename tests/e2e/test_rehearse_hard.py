from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import UNDECODABLE_NAME, hard_repository
from tests.e2e.conftest import CommandLine, contents

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
def test_everything_hard_under_a_path_beyond_ascii_comes_out_bit_for_bit(
    tmp_path: Path, hash_name: str
) -> None:
    place = tmp_path / "mÿ prøjects – 日本"
    repo = hard_repository(place / "hard one", hash_name)
    edited = repo.git("log", "--format=%H", "--grep=keeps its CRLF$")
    assert "TWO\r\n" in repo.git("cat-file", "blob", f"{edited}:docs/windows.txt")
    before = contents(repo.folder)
    command_line = CommandLine(place)

    given = ("rehearse", repo.folder, "--no-gate", "--last", "40", "--json", "--check")
    result = command_line.run(*given).ended(0).json

    assert result["tree_equal"]
    assert result["landed_tree"] == repo.git("rev-parse", "HEAD^{tree}")
    assert result["merged"] == result["beads"] == 16
    assert result["check"] == {"ok": True, "problems": [], "checked": 16, "resolved": [], "differences": []}
    assert result["user_repo_untouched"]
    assert contents(repo.folder) == before
    by_path = {one["path"]: one["reason"] for one in result["mechanical"]}
    assert "converts" in by_path["docs/windows.txt"]
    assert by_path["vendor/lib"] == "a submodule"
    assert by_path[UNDECODABLE_NAME] == "its name is not UTF-8"
    assert command_line.left_behind() == []
