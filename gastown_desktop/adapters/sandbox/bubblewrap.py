"""Bubblewrap: commands see a read-only system, one writable folder and no network."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from gastown_desktop.adapters.sandbox.door import VARIABLES, Door, find_opener
from gastown_desktop.adapters.sandbox.entry import GIT_CONFIG, SYSTEM_PATH, Entry
from gastown_desktop.adapters.sandbox.process_tree import MARK
from gastown_desktop.adapters.sandbox.runner import Runner
from gastown_desktop.adapters.sandbox.toolchains import find_toolchains
from gastown_desktop.adapters.sandbox.watchdog import Limits
from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.process_ports import Confinement, Launcher, Network

_HOME = "/home/worker"
_FILES_INSIDE = "/run/gastown"
_TMPFS_BYTES = 4 << 30
_ROOTS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = """
ld.so.cache ld.so.conf ld.so.conf.d alternatives ssl/certs ssl/openssl.cnf ca-certificates pki/ca-trust
pki/tls/certs crypto-policies passwd group nsswitch.conf hosts host.conf resolv.conf protocols services
localtime timezone os-release debian_version mime.types magic locale.alias locale.conf fonts terminfo
bash.bashrc inputrc perl python3 java java-*-openjdk manpath.config
"""
"""Patterns of what is seen of /etc: no keys, no configuration of package tools, which may hold tokens."""
_PRIVATE = ("/home", "/root", "/tmp", "/run", "/var/run", "/var/tmp")  # noqa: S108 (mounted by us)
_PROLOGUE = f"printf '{GIT_CONFIG}' >\"$HOME/.gitconfig\"; ".replace("\n", "\\n")


class Bubblewrap(Runner):
    """Confines with Linux namespaces (the `Sandbox` port): no network but allowed hosts, one writable folder.

    Args:
        launcher: starts children.
        bwrap: the bubblewrap program.
        home: the user's real HOME, where toolchains are looked for.
        town_objects: the object folder that slots use as alternates; bound read-only at its own path.
        scratch: a folder for command files.
        version: bubblewrap's version, for the profile's name.
        limits: when to kill.
        environment: the caller's variables; None takes this process's.
        network: the hosts that may be reached from inside; None for no network at all.
    """

    confined = True

    def __init__(
        self,
        launcher: Launcher,
        bwrap: Path,
        home: Path,
        town_objects: Path,
        scratch: Path,
        *,
        version: str = "",
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
        network: Network | None = None,
    ) -> None:
        super().__init__(launcher, scratch, limits, environment)
        self._bwrap = bwrap
        self._town_objects = town_objects
        self.network = network
        self._opener = None if network is None else find_opener()
        reached = "" if network is None else f"network {','.join(network.hosts)}"
        self.profile = " ".join(filter(None, ("bubblewrap", version, "profile 1", reached)))
        self.toolchains = find_toolchains(home, self._caller)
        self._tmpfs = (
            ("--size", str(_TMPFS_BYTES), "--tmpfs") if _numbers(version) >= (0, 7) else ("--tmpfs",)
        )
        self._system = tuple(_system_arguments())
        # below the watchdog's feet; root is exempt, and before Linux 5.14 the user's other processes count
        counts = os.geteuid() != 0 and _numbers(os.uname().release) >= (5, 14)
        most = 2 * self.limits.processes
        self._hard_limit = (
            f"(ulimit -p {most}) 2>/dev/null && ulimit -p {most} || ulimit -u {most}; " * counts
        )

    def enter(
        self, confinement: Confinement, mark: str, files: Path | None, door: Door | None = None
    ) -> Entry:
        """Writes bubblewrap's arguments; later mounts lie over earlier ones."""
        seen = confinement.seen_at
        if not seen.is_absolute() or seen == Path("/"):
            raise Refused(f"{seen} cannot be the folder of a sandbox.")
        arguments = [str(self._bwrap), "--unshare-all", "--die-with-parent", "--new-session"]
        arguments += ["--cap-drop", "ALL", *self._system, "--proc", "/proc", "--dev", "/dev"]
        for private in _PRIVATE:
            arguments += [*self._tmpfs, private]
        arguments += ["--dir", _HOME]
        for folder in (*self.toolchains.folders, self._town_objects):
            if not folder.is_relative_to(seen):
                arguments += _read_only(folder)
        arguments += ["--bind", str(confinement.slot), str(seen)]
        for real, inside in confinement.read_only:
            if not _leads_away(real, inside, confinement):
                arguments += ["--ro-bind-try", str(real), str(inside)]
        if files is not None:
            arguments += ["--ro-bind", str(files), _FILES_INSIDE]
        mounts, opening = self._opening(door)
        arguments += mounts
        for name, value in self._environment(confinement).items():
            arguments += ["--setenv", name, value]
        # the variables of a rig must not reach bubblewrap itself: LD_PRELOAD would run outside
        return Entry(
            prefix=(*arguments, "--chdir", str(seen), "--"),
            environment={MARK: mark},
            prologue=_PROLOGUE + self._hard_limit + opening,
            files=_FILES_INSIDE,
        )

    def _opening(self, door: Door | None) -> tuple[list[str], str]:
        """What a sandbox needs to open its door, and how it does."""
        if door is None or self._opener is None:
            return [], ""
        mounts = [("--ro-bind", str(real), str(inside)) for real, inside in self._opener.mounts]
        return [part for mount in mounts for part in mount], self._opener.prologue(door.file)

    def _environment(self, confinement: Confinement) -> dict[str, str]:
        inside = [Path(root) for root in ("/usr", "/opt", *_ROOTS)]
        inside += self.toolchains.folders
        entries = [
            entry
            for entry in self._caller.get("PATH", "").split(os.pathsep)
            if any(Path(entry).is_relative_to(root) for root in inside)
        ]
        return {
            "PATH": os.pathsep.join(dict.fromkeys((*entries, *SYSTEM_PATH))),
            "HOME": _HOME,
            "TMPDIR": "/tmp",  # noqa: S108 (private to the sandbox)
            **self._base_environment(),
            **self.toolchains.environment,
            **({} if self.network is None else VARIABLES),
            **confinement.environment,
        }


def _leads_away(real: Path, inside: Path, confinement: Confinement) -> bool:
    """Whether a link stands where a folder should be, outside or in the slot.

    A repository may hold a link of that name: `.venv -> ..` bound the folder above the checkout.
    """
    if inside.is_relative_to(confinement.seen_at):
        place = confinement.slot / inside.relative_to(confinement.seen_at)
        return real.is_symlink() or place.is_symlink()
    return real.is_symlink()


def _read_only(folder: Path) -> list[str]:
    """Binds a folder at its path and, where that is a link, also at the path it leads to."""
    real = folder.resolve()
    arguments = ["--ro-bind-try", str(folder), str(folder)]
    return arguments if real == folder else [*arguments, "--ro-bind-try", str(real), str(real)]


def _system_arguments() -> list[str]:
    arguments = ["--ro-bind", "/usr", "/usr", "--ro-bind-try", "/opt", "/opt", "--dir", "/etc"]
    for root in map(Path, _ROOTS):
        if root.is_symlink():
            arguments += ["--symlink", str(root.readlink()), str(root)]
        elif root.exists():
            arguments += ["--ro-bind", str(root), str(root)]
    for pattern in _ETC.split():
        for part in Path("/etc").glob(pattern):
            arguments += ["--ro-bind-try", str(part), str(part)]
    return arguments


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
