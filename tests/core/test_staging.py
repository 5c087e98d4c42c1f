"""What is found about a plan before it is launched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import Bead, Dependency
from gastown_desktop.core.convoy import may_become
from gastown_desktop.core.disk import Disk
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, RigId
from gastown_desktop.core.plan import Plan, PlannedBead
from gastown_desktop.core.projection import fold
from gastown_desktop.core.serialising import SerialisingFiles
from gastown_desktop.core.staging import Finding, check, launch_events
from tests.core.test_plan import AT, told

WHERE: Any = {"rig": RigId("r"), "convoy": ConvoyId("cv-1")}
A, B, C = (BeadId(f"gt-{name}") for name in "abc")
GB = 10**9
DOLLAR = 1_000_000_000


def plan(*after: tuple[BeadId, BeadId], files: dict[BeadId, tuple[str, ...]] | None = None) -> Plan:
    expected = {A: ("a.py",), B: ("b.py",), C: ("c.py",), **(files or {})}
    return Plan(
        **WHERE,
        title="T",
        beads={
            one: PlannedBead(bead=Bead(id=one, title=f"Do {one}", files=expected[one])) for one in expected
        },
        dependencies=tuple(Dependency(bead=bead, on=on) for bead, on in after),
    )


CHAIN = ((B, A), (C, B))


def found(given: Plan, **more: Any) -> list[Finding]:
    settings: dict[str, Any] = {"known_paths": {"a.py", "b.py", "c.py"}, "gates": ("pytest",), **more}
    return check(given, **settings)


def test_a_good_plan_has_no_findings() -> None:
    assert found(plan(*CHAIN), forecast_p90=DOLLAR, free=DOLLAR, slots_wanted=1, slot_bytes=GB) == []
    assert found(plan()) == []


def test_a_plan_without_beads_is_an_error() -> None:
    (only,) = found(replace(plan(), beads={}))
    assert (only.level, only.about) == ("error", "empty")


def test_a_cycle_is_an_error_with_its_path() -> None:
    first, *others = found(plan((A, B), (B, A)), gates=())
    assert (first.level, first.about, set(first.beads)) == ("error", "cycle", {A, B})
    assert "gt-a “Do gt-a” → gt-b “Do gt-b” → gt-a" in first.text
    assert [one.about for one in others] == ["gate"]


@pytest.mark.parametrize(
    ("given", "more", "about", "beads", "says"),
    [
        (plan(*CHAIN, files={B: ()}), {}, "files", (B,), "gt-b named no files"),
        (plan(*CHAIN, files={B: ("x.py", "y.py")}), {}, "files", (B,), "x.py, y.py"),
        (plan(*CHAIN), {"gates": ()}, "gate", (), "No gate"),
        (plan((B, A)), {}, "isolated", (C,), "gt-c “Do gt-c”"),
        (plan(*CHAIN[:1], files={C: ("b.py",)}), {}, "overlap", (B, C), "both expect b.py"),
        (
            plan(*CHAIN),
            {"slots_wanted": 1, "slot_bytes": GB, "disk": Disk(5 * GB, 100 * GB)},
            "capacity",
            (),
            "1 working folder ≈ 1 GB, and 5 GB of the disk are free: 0 workers can",
        ),
        (plan(), {"slots_wanted": 6}, "capacity", (), "work for 3 workers at a time"),
        (plan(*CHAIN), {"forecast_p90": 3 * DOLLAR, "free": DOLLAR}, "cost", (), "up to $3.00"),
    ],
)
def test_what_is_doubtful_is_a_warning(
    given: Plan, more: dict[str, Any], about: str, beads: tuple[BeadId, ...], says: str
) -> None:
    findings = [one for one in found(given, **more) if one.about == about]
    assert [(one.level, one.beads) for one in findings] == [("warning", beads)]
    assert says in findings[0].text


@pytest.mark.parametrize("more", [{"forecast_p90": None, "free": 1}, {"forecast_p90": 5, "free": None}])
def test_what_is_not_known_is_no_finding(more: dict[str, Any]) -> None:
    assert found(plan(*CHAIN), **more) == []


def test_files_that_the_rig_settles_do_not_overlap() -> None:
    given = plan(files={A: ("CHANGES.md",), B: ("CHANGES.md",)})
    rules = SerialisingFiles(union=("CHANGES.md",))
    assert [one.about for one in found(given, known_paths={"CHANGES.md"}, serialising=rules)] == []
    assert [one.about for one in found(given, known_paths={"CHANGES.md"})] == ["overlap"]


# --- launch ---------------------------------------------------------------------------------------


def convoy(stage: str, *statuses: str) -> Any:
    created = ev.ConvoyCreated(**WHERE, title="T", base=Oid("1" * 40), target="refs/heads/main")
    state = fold([ev.Envelope(seq=1, at=AT, event=created)])
    told(
        state,
        [
            ev.BeadAdded(**WHERE, bead=BeadId(f"gt-{n}"), title="T", status=one)
            for n, one in enumerate(statuses)
        ],
    )
    if stage != "draft":
        told(state, [ev.ConvoyStageChanged(**WHERE, stage=stage)])
    return state


@pytest.mark.parametrize(
    ("stage", "statuses", "after"),
    [
        ("draft", ("draft", "draft", "deferred"), "running"),
        ("staged", ("draft", "open"), "running"),
        ("running", ("merged", "draft"), "running"),
        ("paused", ("draft",), "paused"),
        ("ready_to_land", ("merged", "draft"), "running"),
        ("ready_to_land", ("merged",), "ready_to_land"),
    ],
)
def test_a_launch_opens_all_drafts_by_stages_that_may_follow_each_other(
    stage: str, statuses: tuple[str, ...], after: str
) -> None:
    state = convoy(stage, *statuses)
    at: Any = state.stage
    for event in launch_events(state):
        if isinstance(event, ev.ConvoyStageChanged):
            then: Any = event.stage
            assert may_become(at, then)
            at = then
    told(state, list(launch_events(state)))
    assert state.with_status("draft") == []
    assert state.stage == after
    assert launch_events(state) == []


@pytest.mark.parametrize("stage", ["landed", "abandoned"])
def test_a_convoy_that_is_over_is_not_launched(stage: str) -> None:
    assert launch_events(convoy(stage, "draft")) == []
