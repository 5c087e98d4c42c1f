"""`--unattended` and `--unattended-cap`, for `run` and `resume`."""

from __future__ import annotations

import argparse
from datetime import datetime, time

from gastown_desktop.core.away import Away, next_time
from gastown_desktop.core.errors import Refused


def away_of(given: argparse.Namespace, now: datetime) -> Away | None:
    """How long the user is away; None where they are not.

    Args:
        given: what was asked for; `unattended` is a time of the day, or true for no end.
        now: aware.

    Raises:
        Refused: there is a sum for a time without the user, and no such time.
    """
    if given.unattended is None:
        if given.unattended_cap is not None:
            raise Refused(
                "--unattended-cap is for the time that nobody answers.",
                safe="Nothing was sent.",
                remedy="Add --unattended, or --unattended 07:00.",
            )
        return None
    until = next_time(given.unattended, now) if isinstance(given.unattended, time) else None
    return Away(until=until, at_most=given.unattended_cap)
