"""A fast sample of the corpus; `python -m tests.hostile.repositories` plays all of it."""

from __future__ import annotations

import shutil

import pytest

from tests.abilities import lacking
from tests.hostile.repositories.case import Case
from tests.hostile.repositories.families import BY_NAME, CASES
from tests.hostile.repositories.ground import Ground
from tests.hostile.repositories.runner import Played, play

SAMPLE = (
    "credential-helper",
    "promisor-by-its-filter",
    "common-folder-of-another-repository",
    "replaced-objects",
    "pipe-as-commondir",
    "tree-with-git-folder-unseen",
    "configuration-of-a-copy",
    "link-instead-of-a-folder",
    "device-to-be-read",
    "environment",
    "move-main",
    "gate-without-consent",
    "escapes-in-the-trust-list",
)


def played(case: Case) -> Played:
    (one,) = play([case])
    if one.lacks:
        lacking(f"{one.lacks} is missing")
    return one


@pytest.mark.parametrize("name", SAMPLE)
def test_what_is_planted_has_an_effect_elsewhere_and_none_through_the_program(name: str) -> None:
    one = played(BY_NAME[name])
    assert one.control, one.unreal
    assert one.effects == []
    assert one.unreal == []


def test_a_protection_that_is_missing_is_seen() -> None:
    """The way of the control, taken for the program's: file, listener, process and change are all noticed."""

    def harms(ground: Ground) -> None:
        ground.plain("status")
        ground.shell("bash", "-c", f"echo > /dev/tcp/127.0.0.1/{ground.traps.port}")
        ground.shell("sh", "-c", f"echo x >> {ground.outside}/keep.txt; setsid sleep 20 >/dev/null 2>&1 &")

    def plant(ground: Ground) -> None:
        ground.history()
        ground.configure("core.fsmonitor", ground.evil)

    one = played(Case(name="unprotected", wish="all of it", plant=plant, control=harms, program=harms))
    seen = "\n".join(one.effects)
    for words in ("planted-unprotected", "TCP connection", "outside: keep.txt changed", "process is left"):
        assert words in seen


def test_a_control_without_an_effect_proves_nothing() -> None:
    idle = Case(name="idle", wish="nothing", control=lambda _: None, program=lambda _: None)
    one = played(idle)
    assert one.unreal == ["the control has no effect"]


def test_no_name_is_there_twice_and_every_program_that_is_needed_is_known() -> None:
    assert len(BY_NAME) == len(CASES) >= 50
    needed = {program for case in CASES for program in case.needs}
    assert needed <= {"bwrap", "unshare", "ip"}
    assert all(shutil.which(program) for program in ("git", "sh"))
