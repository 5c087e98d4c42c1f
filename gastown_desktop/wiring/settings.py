"""Settings as the window asks for them: the user's file, what a repository proposes, the program itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import Distribution, PackageNotFoundError, distribution, requires
from pathlib import Path
from typing import cast

from gastown_desktop import __version__
from gastown_desktop.adapters import settings_file as stored
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.money import NANO, usd
from gastown_desktop.engine.api import About, SettingName, Settings
from gastown_desktop.paths import data_folder, settings_file

_LIMIT, _LIMIT_KEY = "rehearsal_limit", "rehearsal_limit_usd"
_AMOUNTS = {_LIMIT: _LIMIT_KEY, "day_cap": "day_cap", "town_cap": "town_cap"}
"""Settings that are dollars in the file and nano-dollars in the window, with their keys in the file."""
_PROJECT = "gastown-desktop"
_FONTS = (("Inter", "3.19", "OFL-1.1"), ("JetBrains Mono", "2.242", "OFL-1.1"))
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def user_settings(data_override: Path | None) -> Settings:
    """What the user's file says; defaults and the reason where it cannot be read.

    Args:
        data_override: what `--data-dir` says.
    """
    file = settings_file(data_override)
    try:
        return _as_told(stored.read_settings(file), file, data_folder(data_override))
    except Refused as refused:
        return Settings(
            file=file, data=data_folder(data_override), trouble=str(refused), remedy=refused.remedy
        )


def set_setting(data_override: Path | None, name: SettingName, value: str | int | bool | None) -> Settings:
    """Writes one setting; returns what is in force then.

    Raises:
        Refused: the file cannot be read, or the value makes no sense; nothing was written.
        StoreError: the file could not be written; it is as it was.
    """
    file = settings_file(data_override)
    if name in _AMOUNTS:
        dollars = None if value is None else Decimal(value) / NANO
        now = stored.write_setting(file, _AMOUNTS[name], dollars)
    else:
        now = stored.write_setting(file, name, value)
    return _as_told(now, file, data_folder(data_override))


def about() -> About:
    """The program's version, and what it ships with as its packages' metadata have it."""
    found: dict[str, Distribution] = {}
    _gather(_PROJECT, found)
    parts = [(one.metadata["Name"], one.version, _licence(one)) for _, one in sorted(found.items())]
    return About(version=__version__, licence="MIT", parts=(*parts, *_FONTS))


def _as_told(settings: stored.Settings, file: Path, data: Path) -> Settings:
    names = {_LIMIT if name == _LIMIT_KEY else name for name in settings.model_fields_set}
    return Settings(
        theme=settings.theme,
        rail=settings.rail,
        density=settings.density,
        reduced_motion=settings.reduced_motion,
        polecats=settings.polecats,
        model=settings.model,
        rehearsal_limit=usd(settings.rehearsal_limit_usd),
        day_cap=None if settings.day_cap is None else usd(settings.day_cap),
        town_cap=None if settings.town_cap is None else usd(settings.town_cap),
        given=frozenset(cast("set[SettingName]", names)),
        file=file,
        data=data,
    )


def _gather(name: str, found: dict[str, Distribution]) -> None:
    """Adds what a distribution needs, without extras; what other systems need is not installed."""
    for needed in _needs(name):
        key = re.sub(r"[-_.]+", "-", needed).lower()
        if key not in found:
            try:
                found[key] = distribution(needed)
            except PackageNotFoundError:
                continue
            _gather(needed, found)


def _needs(name: str) -> Iterator[str]:
    try:
        wanted = requires(name) or []
    except PackageNotFoundError:
        return
    for text in wanted:
        requirement, _, marker = text.partition(";")
        said = _NAME.match(requirement.strip())
        if said is not None and "extra ==" not in marker:
            yield said[0]


def _licence(found: Distribution) -> str:
    """What the metadata say, the most exact field first."""
    metadata = found.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    lines = metadata.get_all("Classifier") or []
    named = [
        line.rpartition("::")[2].strip() for line in lines if line.startswith("License :: OSI Approved ::")
    ]
    free = metadata["License"].strip().splitlines() if "License" in metadata else []
    return free[0] if free and len(free[0]) < 80 else " and ".join(named) or "unknown"
