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
        *("GNUmakefile", "makefile", "setup.cfg", "npm-shrinkwrap.json", "bun.lockb", ".VSCode/tasks.json"),
        *("requirements-dev.txt", "requirements/base.in", "Cargo.toml", "lib/x.pth", "sitecustomize.py"),
    ],
)
def test_files_that_say_what_is_run_are_sensitive_however_they_change(path: str) -> None:
    assert why_sensitive(path, FILE, FILE)
    assert why_sensitive(path, GONE, FILE)


@pytest.mark.parametrize(
    "path",
    ["src/a.py", "tests/test_a.py", "docs/package.json.md", "github/workflows/x", "docs/requirements.md"],
)
def test_ordinary_files_are_not(path: str) -> None:
    assert why_sensitive(path, FILE, FILE) == ""
    assert why_sensitive(path, GONE, FILE) == ""
    assert why_sensitive("src/a.py", FILE, GONE) == ""
    assert why_sensitive("run.sh", PROGRAM, PROGRAM) == ""


@pytest.mark.parametrize("path", ["tests/test_a.py", "pkg/a_test.go", "web/a.spec.ts", "test/data.json"])
def test_a_deleted_test_is(path: str) -> None:
    assert why_sensitive(path, FILE, GONE) == "a test is deleted"


@pytest.mark.parametrize(
    ("old", "new"),
    [(GONE, PROGRAM), (FILE, PROGRAM), (GONE, LINK), (LINK, LINK), (FILE, MODULE), (MODULE, MODULE)],
)
def test_new_programs_and_wherever_links_and_submodules_lead_are(old: int, new: int) -> None:
    assert why_sensitive("x", old, new)


def test_content_that_cannot_be_seen_is_unless_it_was_there() -> None:
    assert why_content_is(b"", b"a\0b") == "it is no text"
    assert why_content_is(b"", "x = 1  # \u202e".encode()) == "it holds right-to-left override"
    assert why_content_is("\u202e".encode(), "\u202e and more".encode()) == ""
    assert why_content_is("\u202e".encode(), "\u202e\u202e".encode()) == "it holds right-to-left override"
    assert why_content_is("\ufeffx".encode(), "\ufeffy".encode()) == ""
    assert why_content_is(b"", "grün\tund\r\nmehr \U0001f469\u200d\U0001f680\n".encode()) == ""


@pytest.mark.parametrize(
    "hidden",
    ["\u3164", "\uffa0", "\u2800", "\U000e0141", "\ufe01", "\u2028", "a\u200db", "a\ufeffb", "\u034f"],
)
def test_letters_that_show_nothing_are_seen(hidden: str) -> None:
    assert why_content_is(b"", f"x = '{hidden}'".encode()).startswith("it holds")


def test_of_very_many_changes_a_history_names_the_first_and_how_many_more() -> None:
    found = [SensitiveChange(path=f"{number}.bin", why="it is no text") for number in range(MOST_TOLD + 3)]
    assert told(found[:2]) == ("0.bin: it is no text", "1.bin: it is no text")
    assert told(found)[-2:] == (f"{MOST_TOLD - 1}.bin: it is no text", "and 3 more")
