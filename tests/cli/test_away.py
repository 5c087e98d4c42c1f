"""`--unattended` and `--unattended-cap` as they are typed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gastown_desktop.cli.arguments import parser
from gastown_desktop.cli.away import away_of
from gastown_desktop.core.away import Away
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.money import NANO
from tests.fakes.clock import START


def typed(*more: str, command: str = "run") -> Away | None:
    given = ["run", "repo", "--goal", "Do it", "--cap", "5"] if command == "run" else ["resume", "repo"]
    return away_of(parser().parse_args([*given, *more]), START)


def test_without_it_somebody_answers() -> None:
    assert typed() is None
    assert typed(command="resume") is None


@pytest.mark.parametrize("command", ["run", "resume"])
def test_without_a_time_it_has_no_end(command: str) -> None:
    assert typed("--unattended", command=command) == Away()
    assert typed("--unattended", "--unattended-cap", "15", command=command) == Away(at_most=15 * NANO)


@pytest.mark.parametrize("text", ["07:05", "7:05"])
def test_a_time_is_the_next_one(text: str) -> None:
    away = typed("--unattended", text)
    assert away is not None
    assert away.until is not None
    assert START < away.until <= START + timedelta(days=1)
    assert f"{away.until.astimezone():%H:%M}" == "07:05"


@pytest.mark.parametrize("text", ["24:00", "7", "07:60", "07:05:01", "07:05+01:00", "soon"])
def test_anything_else_is_no_time(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        typed("--unattended", text)
    assert f"{text} is no time of the day" in capsys.readouterr().err


def test_a_sum_needs_a_time_without_the_user() -> None:
    with pytest.raises(Refused, match="for the time that nobody answers"):
        typed("--unattended-cap", "15")
