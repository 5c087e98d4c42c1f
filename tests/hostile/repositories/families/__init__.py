"""The cases, one table for each family."""

from __future__ import annotations

from tests.hostile.repositories.case import Case
from tests.hostile.repositories.families import (
    configuration,
    confinement,
    consent,
    layout,
    passwords,
    proposals,
    slots,
    text,
)

CASES: tuple[Case, ...] = (
    *configuration.CASES,
    *layout.CASES,
    *slots.CASES,
    *confinement.CASES,
    *proposals.CASES,
    *passwords.CASES,
    *consent.CASES,
    *text.CASES,
)
BY_NAME = {case.name: case for case in CASES}
