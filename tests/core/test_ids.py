from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_desktop.core.ids import (
    POLECAT_NAMES,
    BeadId,
    base36,
    bead_id,
    convoy_id,
    merge_id,
    polecat_name,
    short_id,
)


@given(st.integers(min_value=0))
def test_base36_is_read_back_by_int(number: int) -> None:
    assert int(base36(number), 36) == number


@given(st.text(), st.integers(min_value=1, max_value=12))
def test_short_ids_have_their_length_and_depend_on_the_seed_only(seed: str, length: int) -> None:
    assert re.fullmatch(rf"[0-9a-z]{{{length}}}", short_id(seed, length=length))
    assert short_id(seed, length=length) == short_id(seed, length=length)


def test_a_seed_may_be_a_path_that_is_no_utf8() -> None:
    assert short_id("caf\udce9") != short_id("café")


def test_names_are_spelled_as_they_always_were() -> None:
    assert bead_id("gt", "seed") == "gt-y57l9"
    assert convoy_id("seed") == "cv-y57l9"
    assert merge_id(BeadId("gt-1"), 2) == "gt-1.2"


def test_workers_have_names_and_then_numbers() -> None:
    names = [polecat_name(index) for index in range(60)]
    assert names[:2] == ["Nux", "Slit"]
    assert names[50:52] == ["Polecat-51", "Polecat-52"]
    assert len(set(names)) == 60


@pytest.mark.parametrize("name", POLECAT_NAMES)
def test_a_name_can_be_part_of_a_ref_and_a_folder(name: str) -> None:
    assert re.fullmatch(r"[A-Z][a-z]+", name)
