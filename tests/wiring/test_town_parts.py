"""What every slot's commands are told of themselves."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from gastown_desktop.engine.git_ports import Slot
from gastown_desktop.engine.process_ports import Sandbox
from gastown_desktop.wiring.town_parts import FIRST_PORT, LAST_PORT, PORTS_A_SLOT, confinement_of


class Confined:
    """A sandbox that is there."""

    confined = True


def test_each_slot_has_its_name_and_ports_that_no_other_has(tmp_path: Path) -> None:
    confine = confinement_of(tmp_path, cast("Sandbox", Confined()))
    given: list[Any] = [
        confine(Slot(f"s{number}", tmp_path / f"s{number}")).environment for number in range(60)
    ]
    assert [one["GASTOWN_SLOT"] for one in given] == [f"s{number}" for number in range(60)]
    bases = sorted(int(one["PORT_BASE"]) for one in given)
    assert all(after - before >= PORTS_A_SLOT for before, after in pairwise(bases))
    assert bases[0] >= FIRST_PORT
    assert bases[-1] + PORTS_A_SLOT - 1 <= LAST_PORT
    again = confine(Slot("s7", tmp_path / "s7")).environment
    assert again == given[7]


def test_another_checkout_begins_elsewhere(tmp_path: Path) -> None:
    bases = {
        confinement_of(tmp_path / name, cast("Sandbox", Confined()))(Slot("Nux", tmp_path)).environment[
            "PORT_BASE"
        ]
        for name in "abc"
    }
    assert len(bases) == 3
