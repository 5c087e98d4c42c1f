"""Limits beyond a convoy's own, as the user's settings have them, and where they stand in the ledger."""

from __future__ import annotations

from contextlib import suppress

from gastown_desktop.adapters.git.objects import open_objects
from gastown_desktop.adapters.money_log import read_summed
from gastown_desktop.adapters.settings_file import read_settings
from gastown_desktop.core.days import Day
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.ledger import Ledger
from gastown_desktop.core.ledger_sums import sums_from_json
from gastown_desktop.core.money import NanoUsd, usd
from gastown_desktop.engine.bill import Absence, LimitLine
from gastown_desktop.engine.billing import absence_of, limits_of
from gastown_desktop.engine.counted_days import day_at, newest_day
from gastown_desktop.engine.work import load_work
from gastown_desktop.wiring.workplace import Workplace


def shared_caps(workplace: Workplace) -> tuple[NanoUsd | None, NanoUsd | None]:
    """What a day and what everything may cost, in nano-dollars; None for no such limit.

    Raises:
        Refused: the settings cannot be read.
    """
    settings = read_settings(workplace.settings_file)
    day, town = settings.day_cap, settings.town_cap
    return None if day is None else usd(day), None if town is None else usd(town)


async def stored_limits(
    workplace: Workplace, convoy: ConvoyId
) -> tuple[tuple[LimitLine, ...], Absence | None]:
    """The limits of a convoy of real work and whether its user is away, also while another process runs it.

    Nothing is written, and the rig's lock is not needed. A rehearsal, whose money is not real, has none.
    Settings that cannot be read have no limits.
    """
    if not workplace.rig.town_git.is_dir():
        return (), None
    workplace.objects = await open_objects(workplace.git, workplace.rig.town_git)
    work = await load_work(workplace.objects, convoy)
    if work is None:
        return (), None
    scope, now = f"convoy:{convoy}", workplace.clock.now()
    found = read_summed(workplace.money_file, scope)
    sums = None if found.sums is None else sums_from_json(found.sums)
    ledger, _ = Ledger.replay(found.later, sums)
    day_cap = town_cap = None
    with suppress(Refused):
        day_cap, town_cap = shared_caps(workplace)
    known = newest_day(found.later) or (None if sums is None else Day.of(sums.day))
    day = day_at(known, now.astimezone()).scope
    limits = limits_of(ledger, scope, day=day, day_cap=day_cap, town_cap=town_cap)
    records = [*found.earlier, *found.later]
    return limits, absence_of(work.settings.unattended, records, scope, now)
