"""What a gate's answer depends on besides the tree: programs, variables, what is installed, the platform."""

from __future__ import annotations

import os
import platform
import re
import shlex
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

_INSTALLED = ("pyvenv.cfg", "lib/*/site-packages", "Lib/site-packages", ".package-lock.json")
"""Below a folder that is bound from the checkout: what every install or removal of a package changes (pip and
uv make or remove entries of site-packages, npm rewrites its hidden lock file)."""
_OPERATORS = re.compile(r"[;&|()<>]+")


class LocalGateEnvironment:
    """Implements the GateEnvironment port on this machine.

    Lock files need no place of their own: answers are kept by tree, and they are in it; what was installed
    from them counts by its folder's time.

    Args:
        checkout: the user's top level; programs below it count where they are bound into slots.
        bound: names of its folders that slots see, for example `.venv`.
        path: where programs are looked for, as PATH spells it.
        variables: what gates get of the environment.
        setup: names what prepares a slot; empty for nothing.
        steps: its commands: of them the programs count as well.
    """

    def __init__(
        self,
        checkout: Path,
        bound: Iterable[str],
        *,
        path: str,
        variables: Mapping[str, str],
        setup: str = "",
        steps: Iterable[str] = (),
    ) -> None:
        self._checkout = checkout
        self._bound = tuple(bound)
        self._path = path
        self._steps = tuple(steps)
        self._fixed = [platform.system(), platform.machine(), *platform.libc_ver(), setup, path]
        self._fixed += [f"{name}={value}" for name, value in sorted(variables.items())]

    def digest(self, command: str) -> str:
        """Names the environment of a command; reads the disk, a few dozen `stat` calls."""
        programs = [stamp for one in (command, *self._steps) for stamp in self._programs(one)]
        parts = [*self._fixed, *programs, *self._installed()]
        return sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()

    def _programs(self, command: str) -> list[str]:
        """Stamps of every word of the command that is a program, and of the interpreters they lead to."""
        words = dict.fromkeys(("sh", *_words(command)))
        return [_stamp(program) for word in words for program in self._called(word)]

    def _called(self, word: str) -> list[Path]:
        """What a word may call; a sandbox may hide some folders of PATH, so all of them count."""
        if "/" not in word:
            places = [folder / word for folder in map(Path, self._path.split(os.pathsep))]
        elif Path(word).is_absolute():
            places = [Path(word)]
        elif word.removeprefix("./").split("/", 1)[0] in self._bound:
            places = [self._checkout / word]
        else:
            places = []
        found = [place for place in dict.fromkeys(places) if place.is_absolute() and place.is_file()]
        return [place for place in found if os.access(place, os.X_OK)]

    def _installed(self) -> list[str]:
        return [
            _stamp(place)
            for name in self._bound
            for pattern in _INSTALLED
            for place in sorted((self._checkout / name).glob(pattern))
        ]


def _words(command: str) -> list[str]:
    """Words of a shell command; quotes that do not match are split at spaces."""
    spaced = _OPERATORS.sub(" ", command)
    try:
        return shlex.split(spaced, comments=True)
    except ValueError:
        return spaced.split()


def _stamp(place: Path) -> str:
    """Path, where links lead, size and time of change; only the path of what is not there."""
    try:
        real = place.resolve()
        info = real.stat()
    except (OSError, RuntimeError):
        return str(place)
    return f"{place} {real} {info.st_size} {info.st_mtime_ns}"
