"""The cases, one table for each family of wishes."""

from __future__ import annotations

from tests.hostile.injections.case import Case
from tests.hostile.injections.families import (
    files,
    handing_in,
    history,
    money,
    network,
    people,
    processes,
    secret,
)

CASES: tuple[Case, ...] = (
    *secret.CASES,
    *network.CASES,
    *history.CASES,
    *files.CASES,
    *money.CASES,
    *people.CASES,
    *handing_in.CASES,
    *processes.CASES,
)
