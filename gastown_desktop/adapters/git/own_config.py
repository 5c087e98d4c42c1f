"""The user's own git configuration, as far as commands in town.git need it: the repository's has no say.

Only keys on a list are taken, and only from the user's and the machine's files: what a repository configures
(`core.sshCommand`, `credential.helper`, `url.*.insteadOf`) could run a program or lead elsewhere.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_desktop.adapters.git.command import ConfigEntry, GitCommand

TRANSPORT = ("core.sshcommand", "core.askpass", "core.gitproxy", "credential.", "http.", "ssh.", "url.")
"""Beginnings of keys that say how a server is reached; names in lower case, as git lists them."""
SIGNING = ("gpg.", "user.signingkey", "user.name", "user.email")
"""Beginnings of keys that say how commits are signed."""
_OWN_SCOPES = frozenset({"global", "system"})
_PASSED_ON = (
    *("HOME", "USER", "LOGNAME", "APPDATA", "USERPROFILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"),
    *("SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS"),
    *("GNUPGHOME", "GPG_TTY", "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"),
    *("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "all_proxy"),
    *("no_proxy", "GIT_SSL_CAINFO", "SSL_CERT_FILE"),
)
"""Variables by which agents, key rings and proxies are found."""


async def own_config(git: GitCommand, git_dir: Path) -> list[ConfigEntry]:
    """The user's and the machine's configuration for a repository, conditional includes decided for it.

    Raises:
        GitError: a file of it cannot be parsed.
    """
    entries = await git.read_config(git_dir, home=Path.home(), system=True)
    return [entry for entry in entries if entry.scope in _OWN_SCOPES]


def as_environment(entries: Iterable[ConfigEntry], wanted: tuple[str, ...]) -> dict[str, str]:
    """Variables that put the wanted keys in force, and let their programs find what they need."""
    kept = [entry for entry in entries if entry.key.startswith(wanted)]
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment["GIT_CONFIG_COUNT"] = str(len(kept))
    for number, entry in enumerate(kept):
        environment[f"GIT_CONFIG_KEY_{number}"] = entry.key
        environment[f"GIT_CONFIG_VALUE_{number}"] = "true" if entry.value is None else entry.value
    return environment
