"""What a setup depends on, and how that is named."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from gastown_desktop.core.preparation import (
    NO_PREPARATION,
    Preparation,
    SetupStep,
    preparation_of,
    setup_inputs,
    setup_key,
    setup_words,
)

UV = SetupStep("uv sync")
LOCKS = (("uv.lock", "1111"),)


@pytest.mark.parametrize(
    "path",
    [
        *("uv.lock", "poetry.lock", "requirements.txt", "requirements-dev.txt", "requirements.in"),
        *("constraints.txt", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "Cargo.lock", "go.sum"),
        *("Gemfile.lock", "composer.lock", "web/app/package-lock.json", "tools/requirements_ci.txt"),
        *("pyproject.toml", "setup.py", "package.json", "Makefile", ".python-version"),
    ],
)
def test_lock_files_and_manifests_count_at_any_depth(path: str) -> None:
    assert setup_inputs(["src/a.py", path, "docs/lock.md"], [UV]) == [path]


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("sh tools/setup.sh", "tools/setup.sh"),
        ("./tools/setup.sh --fast", "tools/setup.sh"),
        ("cd web; sh 'tools/setup.sh'; true", "tools/setup.sh"),
        ("python3 bootstrap.py", "bootstrap.py"),
    ],
)
def test_files_that_a_step_names_count(command: str, path: str) -> None:
    tracked = ["src/a.py", "tools/setup.sh", "bootstrap.py", "tools/other.sh"]
    assert setup_inputs(tracked, [SetupStep(command)]) == [path]


def test_the_name_changes_with_whatever_it_depends_on_and_with_nothing_else() -> None:
    base = Preparation(steps=(UV,), hosts=("pypi.org:443",))
    names = [
        setup_key(base, LOCKS, "bubblewrap"),
        setup_key(base, [("uv.lock", "2222")], "bubblewrap"),
        setup_key(base, [("web/uv.lock", "1111")], "bubblewrap"),
        setup_key(base, [], "bubblewrap"),
        setup_key(base, LOCKS, "none"),
        setup_key(Preparation(steps=(UV,)), LOCKS, "bubblewrap"),
        setup_key(Preparation(steps=(SetupStep("uv sync", 60),), hosts=base.hosts), LOCKS, "bubblewrap"),
        setup_key(Preparation(steps=(UV, UV), hosts=base.hosts), LOCKS, "bubblewrap"),
        setup_key(Preparation(steps=(SetupStep("uv  sync"),), hosts=base.hosts), LOCKS, "bubblewrap"),
    ]
    assert len(set(names)) == len(names)
    two = (("a.lock", "1"), ("b.lock", "2"))
    assert setup_key(base, two, "x") == setup_key(base, two[::-1], "x")


def test_a_preparation_comes_back_as_it_was_stored() -> None:
    some = Preparation(
        steps=(UV, SetupStep("make", 5.0)), hosts=("pypi.org:443",), copied=("config/local.json",)
    )
    assert preparation_of(json.loads(json.dumps(asdict(some)))) == some
    assert preparation_of({}) == NO_PREPARATION
    assert not NO_PREPARATION
    assert Preparation(copied=("x",))
    assert Preparation(copied=("x",)).spelled == ""


def test_workers_are_told_what_their_copy_was_set_up_with() -> None:
    assert setup_words(NO_PREPARATION) == ""
    told = setup_words(Preparation(steps=(UV, SetupStep("make deps"))))
    assert told == "\nYour copy was set up with `uv sync` and `make deps`; git ignores what that made.\n"
