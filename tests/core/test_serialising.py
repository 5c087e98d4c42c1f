from __future__ import annotations

import tomllib

import pytest

from gastown_desktop.core.serialising import (
    Generated,
    SerialisingFiles,
    Settlement,
    as_toml,
    matches,
    propose,
    serial_groups,
    settle,
)

LOCK = Generated(path="uv.lock", command="uv lock")
RULES = SerialisingFiles(
    generated=(LOCK, Generated(path="docs/api.md", command="make api")),
    union=("CHANGELOG.md", "docs/**/*.news"),
    serial=("db/migrations/*",),
)


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("CHANGELOG.md", "CHANGELOG.md", True),
        ("pkg/a/CHANGELOG.md", "CHANGELOG.md", True),
        ("CHANGELOG.md.orig", "CHANGELOG.md", False),
        ("pkg/CHANGELOG.md", "/CHANGELOG.md", False),
        ("CHANGELOG.md", "/CHANGELOG.md", True),
        ("a/b.lock", "*.lock", True),
        ("docs/a.md", "docs/*.md", True),
        ("docs/x/a.md", "docs/*.md", False),
        ("x/docs/a.md", "docs/*.md", False),
        ("docs/a.md", "docs/**/*.md", True),
        ("docs/x/y/a.md", "docs/**/*.md", True),
        ("docs/x/y/a.md", "docs/**", True),
        ("a/b/c/d", "**/c/**", True),
        ("a/b/d", "**/c/**", False),
        ("db/m/0001.sql", "db/m/[0-9]*.sql", True),
        ("DB/x", "db/x", False),
        ("a" * 60, "a/" + "**/" * 40 + "b", False),
        ("/".join("a" * 200), "**/a/" * 60 + "b", False),
    ],
)
def test_patterns_are_those_of_gitattributes(path: str, pattern: str, fits: bool) -> None:
    assert matches(path, pattern) is fits


def test_conflicts_are_settled_by_command_then_union_and_the_rest_is_left() -> None:
    assert settle(["src/a.py", "uv.lock", "CHANGELOG.md", "docs/x/1.news"], RULES) == Settlement(
        generated=(LOCK,), union=("CHANGELOG.md", "docs/x/1.news"), left=("src/a.py",)
    )
    assert settle(["uv.lock", "uv.lock"], RULES).left == ()
    assert settle(["a", "b"], SerialisingFiles()).left == ("a", "b")
    assert settle([], RULES) == Settlement()


def test_serial_files_do_not_settle_a_conflict() -> None:
    assert settle(["db/migrations/2.sql"], RULES).left == ("db/migrations/2.sql",)


def test_a_path_that_is_generated_and_union_is_generated() -> None:
    both = SerialisingFiles(generated=(LOCK,), union=("*.lock",))
    assert settle(["uv.lock"], both) == Settlement(generated=(LOCK,))


def test_beads_that_share_a_serial_pattern_work_one_after_the_other() -> None:
    files = {"b1": ["db/migrations/1.sql"], "b2": ["src/a.py"], "b3": ["x", "db/migrations/2.sql"]}
    assert serial_groups(files, RULES) == {"db/migrations/*": ("b1", "b3")}
    assert serial_groups({"b1": ["db/migrations/1.sql"]}, RULES) == {}


def test_hot_spots_that_look_like_what_tools_write_are_proposed() -> None:
    hot = ["src/app.py", "web/package-lock.json", "CHANGELOG.md", "docs/history.rst", "changes.py"]
    hot += ["db/migrations/0001_x.py", "db/migrations/0002_y.py", "ui/__snapshots__/a.snap", "db/schema.rb"]
    proposed = propose(hot, SerialisingFiles())
    assert [one.path for one in proposed.generated] == ["web/package-lock.json"]
    assert proposed.generated[0].command.startswith("cd 'web' && npm install")
    assert proposed.union == ("CHANGELOG.md", "docs/history.rst")
    assert proposed.serial == ("db/migrations/*", "ui/__snapshots__/*", "db/schema.rb")


def test_what_the_rig_says_already_is_not_proposed() -> None:
    assert not propose(["uv.lock", "pkg/CHANGELOG.md", "db/migrations/9.sql", "src/a.py"], RULES)


def test_the_proposal_can_be_pasted() -> None:
    rules = SerialisingFiles(
        generated=(Generated(path='a "b"\\c\x7f.lock', command="x 'y' \t ü"),), union=("C*",), serial=("d/*",)
    )
    assert tomllib.loads(as_toml(rules)) == {
        "union": ["C*"],
        "serial": ["d/*"],
        "generated": [{"path": 'a "b"\\c\x7f.lock', "command": "x 'y' \t ü"}],
    }
    assert as_toml(SerialisingFiles()) == ""
    assert tomllib.loads(as_toml(SerialisingFiles(union=("caf\udce9",)))) == {"union": ["caf?"]}
