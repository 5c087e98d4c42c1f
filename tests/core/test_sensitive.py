"""What changes what is run has to be looked at."""

from __future__ import annotations

import pytest

from gastown_desktop.core.sensitive import MOST_TOLD, SensitiveChange, told, why_content_is, why_sensitive

GONE, FILE, PROGRAM, LINK, MODULE = 0, 0o100644, 0o100755, 0o120000, 0o160000


@pytest.mark.parametrize(
    "path",
    [
        *(".gastown.toml", ".github/workflows/ci.yml", "Jenkinsfile", "tests/conftest.py", "pytest.ini"),
        *(".husky/pre-commit", "web/package.json", "uv.lock", ".vscode/tasks.json", ".mcp.json", "Makefile"),
    ],
)
def test_files_that_say_what_is_run_are_sensitive_however_they_change(path: str) -> None:
    assert why_sensitive(path, FILE, FILE)
    assert why_sensitive(path, GONE, FILE)


@pytest.mark.parametrize(
    "path", ["src/a.py", "tests/test_a.py", "docs/package.json.md", "github/workflows/x"]
)
def test_ordinary_files_are_not(path: str) -> None:
    assert why_sensitive(path, FILE, FILE) == ""
    assert why_sensitive(path, GONE, FILE) == ""
    assert why_sensitive("src/a.py", FILE, GONE) == ""
    assert why_sensitive("run.sh", PROGRAM, PROGRAM) == ""


@pytest.mark.parametrize("path", ["tests/test_a.py", "pkg/a_test.go", "web/a.spec.ts", "test/data.json"])
def test_a_deleted_test_is(path: str) -> None:
    assert why_sensitive(path, FILE, GONE) == "a test is deleted"


@pytest.mark.parametrize(("old", "new"), [(GONE, PROGRAM), (FILE, PROGRAM), (GONE, LINK), (FILE, MODULE)])
def test_new_programs_links_and_submodules_are(old: int, new: int) -> None:
    assert why_sensitive("x", old, new)


def test_content_that_cannot_be_seen_is_unless_it_was_there() -> None:
    assert why_content_is(b"", b"a\0b") == "it is no text"
    assert why_content_is(b"", "x = 1  # \u202e".encode()) == "it holds right-to-left override"
    assert why_content_is("\u202e".encode(), "\u202e and more".encode()) == ""
    assert why_content_is(b"", "grün\tund\r\nmehr \U0001f469\u200d\U0001f680\n".encode()) == ""


def test_of_very_many_changes_a_history_names_the_first_and_how_many_more() -> None:
    found = [SensitiveChange(path=f"{number}.bin", why="it is no text") for number in range(MOST_TOLD + 3)]
    assert told(found[:2]) == ("0.bin: it is no text", "1.bin: it is no text")
    assert told(found)[-2:] == (f"{MOST_TOLD - 1}.bin: it is no text", "and 3 more")
