"""What is done to a copy of the repository before anybody works in it: files copied there, then commands."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

SETUP_TIMEOUT_S = 600.0
LARGEST_COPY = 1_000_000
"""Bytes of one file that is copied: a file of settings, no database."""
MOST_COPIES = 100
"""Files that are copied into each working folder at most."""

_LOCKS = frozenset(
    {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "conda-lock.yml", "environment.yml"}
    | {"package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"}
    | {"Cargo.lock", "go.sum", "Gemfile.lock", "composer.lock", "mix.lock", "pubspec.lock", "flake.lock"}
    | {"gradle.lockfile", "packages.lock.json", "Package.resolved", "Podfile.lock", "deno.lock"}
)
_MANIFESTS = frozenset(
    {"pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "package.json", "pnpm-workspace.yaml", ".npmrc"}
    | {"Cargo.toml", "go.mod", "Gemfile", "composer.json", "mix.exs", "pubspec.yaml", "pom.xml"}
    | {"build.gradle", "build.gradle.kts", "GNUmakefile", "makefile", "Makefile", "CMakeLists.txt"}
    | {".python-version", ".nvmrc", ".node-version", ".tool-versions", "rust-toolchain.toml"}
)
"""What dependencies are installed by where nothing locks them, and which tools do it."""


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One command that prepares a working folder."""

    command: str
    timeout_s: float = SETUP_TIMEOUT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What a rig's working folders are prepared with, as the user agreed to it."""

    steps: tuple[SetupStep, ...] = ()
    """In their order; each has to succeed."""
    hosts: tuple[str, ...] = ()
    """Hosts with their ports that they may reach, besides those that workers may reach."""
    copied: tuple[str, ...] = ()
    """Ignored files of the user's checkout that each working folder gets, by their paths there."""

    def __bool__(self) -> bool:
        return bool(self.steps or self.copied)

    @property
    def spelled(self) -> str:
        """The commands and hosts, for names of what depends on them; empty where nothing is run."""
        return (
            json.dumps([[[one.command, one.timeout_s] for one in self.steps], self.hosts])
            if self.steps
            else ""
        )


NO_PREPARATION = Preparation()


def preparation_of(fields: Mapping[str, Any]) -> Preparation:
    """A preparation as it was stored, or none by an earlier version."""
    return Preparation(
        steps=tuple(SetupStep(**one) for one in fields.get("steps", ())),
        hosts=tuple(fields.get("hosts", ())),
        copied=tuple(fields.get("copied", ())),
    )


def setup_inputs(paths: Iterable[str], steps: Iterable[SetupStep]) -> list[str]:
    """Tracked files on which it depends what the steps make, sorted.

    These are lock files and manifests at any depth, `requirements*.txt`, and files that a step names.

    Args:
        paths: all tracked files, relative to the top, `/` between parts.
        steps: what is run.
    """
    named = {word.strip("\"';()").removeprefix("./") for one in steps for word in one.command.split()}
    return sorted(path for path in paths if path in named or _is_input(path.rpartition("/")[2]))


def setup_words(preparation: Preparation) -> str:
    """What a worker is told of the setup: the same words for the whole fleet; empty without one."""
    commands = " and ".join(f"`{step.command}`" for step in preparation.steps)
    return f"\nYour copy was set up with {commands}; git ignores what that made.\n" if commands else ""


def _is_input(name: str) -> bool:
    is_list = name.startswith(("requirements", "constraints")) and name.endswith((".txt", ".in"))
    return is_list or name in _LOCKS or name in _MANIFESTS


def setup_key(preparation: Preparation, inputs: Collection[tuple[str, str]], around: str) -> str:
    """Names what the steps make: the same name, the same commands on the same files.

    Args:
        preparation: says what is run.
        inputs: (path, blob) of each of the `setup_inputs`.
        around: what else it depends on: the sandbox, the content of copied files.
    """
    told = json.dumps([preparation.spelled, sorted(inputs), around])
    return sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
