"""Interpreters and compilers below the user's HOME: found where they are kept, never where secrets are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TOOLCHAINS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("PYENV_ROOT", ".pyenv", ("",)),
    ("UV_PYTHON_INSTALL_DIR", ".local/share/uv/python", ("",)),
    ("UV_TOOL_DIR", ".local/share/uv/tools", ("",)),
    ("NVM_DIR", ".nvm", ("",)),
    ("VOLTA_HOME", ".volta", ("",)),
    ("MISE_DATA_DIR", ".local/share/mise", ("installs", "shims", "plugins")),
    ("ASDF_DATA_DIR", ".asdf", ("",)),
    ("RUSTUP_HOME", ".rustup", ("",)),
    ("CARGO_HOME", ".cargo", ("bin", "registry", "git")),
    ("GOMODCACHE", "go/pkg/mod", ("",)),
    ("SDKMAN_DIR", ".sdkman", ("candidates", "bin", "libexec", "src")),
)
"""Variable, place below HOME, parts that are bound: never a folder in which credentials are kept."""


@dataclass(frozen=True, slots=True)
class Toolchains:
    """Interpreters and compilers found below the user's HOME."""

    folders: tuple[Path, ...]
    environment: Mapping[str, str]
    """Variables that tell the tools where they are, as HOME is another one inside."""


def find_toolchains(home: Path, environment: Mapping[str, str]) -> Toolchains:
    """Looks for toolchains where their variables or their customs say.

    Args:
        home: the user's real HOME.
        environment: the variables of the caller.
    """
    folders: list[Path] = []
    variables: dict[str, str] = {}
    for variable, custom, parts in _TOOLCHAINS:
        given = Path(environment.get(variable, ""))
        root = given if given.is_absolute() and not home.is_relative_to(given) else home / custom
        found = [root / part for part in parts if _readable(root / part)]
        if found:
            folders += found
            variables[variable] = str(root)
    return Toolchains(tuple(folders), variables)


def _readable(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except PermissionError:
        return False
