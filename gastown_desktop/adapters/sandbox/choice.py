"""Which sandbox works here."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from gastown_desktop.adapters.sandbox.bubblewrap import Bubblewrap
from gastown_desktop.adapters.sandbox.entry import folder_in
from gastown_desktop.adapters.sandbox.unconfined import Unconfined
from gastown_desktop.adapters.sandbox.watchdog import Limits
from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.process_ports import ChildCommand, Confinement, Launcher, Network

_PROBE_S = 10.0


async def find_sandbox(
    launcher: Launcher,
    *,
    home: Path,
    town_objects: Path,
    scratch: Path,
    limits: Limits | None = None,
    environment: Mapping[str, str] | None = None,
    network: Network | None = None,
) -> Bubblewrap | Unconfined:
    """Gives bubblewrap where it works (namespaces may be restricted), else none, with the reason.

    Args:
        launcher: starts children.
        home: the user's real HOME.
        town_objects: the object folder of the rig's own repository.
        scratch: a folder for command files.
        limits: when to kill.
        environment: the caller's variables; None takes this process's.
        network: the hosts that may be reached from inside; where that does not work, neither does bubblewrap.
    """
    caller = os.environ if environment is None else environment
    program = shutil.which("bwrap", path=caller.get("PATH", os.defpath))
    if program is None:
        reason = "bubblewrap is not installed."
    else:
        version = await launcher.run(
            ChildCommand(argv=(program, "--version"), environment={}, timeout_s=_PROBE_S)
        )
        sandbox = Bubblewrap(
            launcher,
            Path(program),
            home,
            town_objects,
            scratch,
            version=".".join(map(str, re.findall(r"\d+", version.output.decode("ascii", "replace")))),
            limits=limits,
            environment=caller,
            network=network,
        )
        reason = await _why_not(sandbox, scratch)
        if not reason:
            return sandbox
    return Unconfined(launcher, scratch, limits=limits, environment=caller, home=home, reason=reason)


async def _why_not(sandbox: Bubblewrap, scratch: Path) -> str:
    slot = folder_in(scratch, "probe-")
    try:
        confinement = Confinement(slot=slot, seen_at=Path("/home/probe"))
        result = await sandbox.run("true", confinement, timeout_s=_PROBE_S)
    except Refused as refusal:
        return str(refusal)
    finally:
        shutil.rmtree(slot, ignore_errors=True)
    return "" if result.exit_code == 0 else "bubblewrap is installed but does not work here."
