"""Runs commands of repositories and workers: in bubblewrap, or with the user's rights where there is none."""

from gastown_desktop.adapters.sandbox.bubblewrap import Bubblewrap
from gastown_desktop.adapters.sandbox.choice import find_sandbox
from gastown_desktop.adapters.sandbox.process_tree import kill_orphans
from gastown_desktop.adapters.sandbox.toolchains import Toolchains, find_toolchains
from gastown_desktop.adapters.sandbox.unconfined import Unconfined
from gastown_desktop.adapters.sandbox.watchdog import Limits

__all__ = [
    "Bubblewrap",
    "Limits",
    "Toolchains",
    "Unconfined",
    "find_sandbox",
    "find_toolchains",
    "kill_orphans",
]
