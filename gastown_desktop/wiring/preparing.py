"""What working folders are prepared with: found at a launch, and read again when a start failed by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from gastown_desktop.adapters.git.ignored_files import find_ignored
from gastown_desktop.adapters.git.town import refresh
from gastown_desktop.adapters.repository_config import NAME, RepositoryConfig
from gastown_desktop.adapters.slot_files import SlotFiles
from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.plain_text import shown_path
from gastown_desktop.core.preparation import LARGEST_COPY, MOST_COPIES, Preparation
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.secrets import secrets_of_settings
from gastown_desktop.core.wording import plural
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.rehearsal import StoredRehearsal, store
from gastown_desktop.engine.town import FIX_SETUP, RED_BASE_ITEM, SETUP_ITEM
from gastown_desktop.engine.work import StoredWork, store_work
from gastown_desktop.wiring.workplace import Workplace, resolve

_SHOWN = 5


def _say_nothing(_: str) -> None:
    """Nobody listens."""


async def find_preparation(
    workplace: Workplace,
    config: RepositoryConfig,
    *,
    runs: bool,
    copies: bool,
    hosts: tuple[str, ...] = (),
    say: Callable[[str], None] = _say_nothing,
) -> Preparation:
    """What a repository proposes and the user wants of it; says which proposed files are not copied.

    Args:
        workplace: the rig.
        config: what the repository proposes where the work starts.
        runs: commands of the repository are run at all.
        copies: the user lets its ignored files be copied.
        hosts: hosts with their ports that the user lets its setup reach.
        say: hears sentences.
    """
    steps = config.setup if runs else ()
    fits, others = await find_ignored(workplace.git, workplace.facts, config.copied, largest=LARGEST_COPY)
    if fits and not copies:
        say(
            f"{NAME} proposes to copy {plural(len(fits), 'ignored file')} ({_listed(fits)}): they stay where "
            "they are. Add --copy to let workers and gates have them."
        )
    if copies and len(fits) > MOST_COPIES:
        others.append(f"{plural(len(fits) - MOST_COPIES, 'file')} beyond {MOST_COPIES}")
    if copies and others:
        say(f"Not copied: {'; '.join(map(shown_path, others[:_SHOWN]))}.")
    return Preparation(
        steps=steps, hosts=hosts if steps else (), copied=tuple(fits[:MOST_COPIES]) if copies else ()
    )


def read_copies(workplace: Workplace, preparation: Preparation) -> Mapping[str, bytes]:
    """The files that are copied, as they are now; their secrets are kept back from now on.

    A file that is gone or became something else meanwhile is left out.
    """
    checkout, found = SlotFiles(workplace.rig.checkout), dict[str, bytes]()
    for path in preparation.copied:
        try:
            found[path] = checkout.read(path, LARGEST_COPY)
        except ToolRefused:
            continue
        text = found[path].decode("utf-8", "replace")
        workplace.secrets = workplace.secrets.and_these(secrets_of_settings(path.rpartition("/")[2], text))
    return found


async def with_setup_read_again(
    workplace: Workplace,
    objects: GitObjects,
    stored: StoredRehearsal | StoredWork,
    state: Projection,
    *,
    hosts: tuple[str, ...] = (),
    say: Callable[[str], None] = _say_nothing,
) -> StoredRehearsal | StoredWork:
    """A convoy whose start failed, with the setup that the repository proposes by now; others as they are.

    The setup is read from the branch that the convoy is to land on, or from HEAD for a rehearsal, where
    the user mended it. Once a worker began, it stays as it was agreed to.

    Args:
        workplace: the rig.
        objects: its repository.
        stored: the convoy.
        state: where it stands.
        hosts: hosts with their ports that the user lets setup reach; none: those of before.
        say: hears what it is now.
    """
    before = stored.settings.preparation
    if not _waits_for_setup(state) or not (before.steps or stored.settings.gates):
        return stored
    await refresh(workplace.git, workplace.rig.town_git, workplace.facts.git_dir)
    rev = stored.target if isinstance(stored, StoredWork) else "HEAD"
    config = await workplace.config(objects, await resolve(workplace, objects, rev))
    now = replace(before, steps=config.setup, hosts=(hosts or before.hosts) if config.setup else ())
    if now == before:
        return stored
    commands = "; ".join(step.command for step in now.steps) or "nothing"
    say(f"Setup is now: {commands}")
    if isinstance(stored, StoredWork):
        work = replace(stored, settings=replace(stored.settings, preparation=now))
        await store_work(objects, work)
        return work
    rehearsal = replace(stored, settings=replace(stored.settings, preparation=now))
    await store(objects, rehearsal)
    return rehearsal


def _waits_for_setup(state: Projection) -> bool:
    """Whether nothing began since the base was red or could not be set up."""
    begun = any(view.attempts for view in state.beads.values())
    asked = {item for item in (RED_BASE_ITEM, SETUP_ITEM) if item in state.needs_you}
    asked |= {item for item in (RED_BASE_ITEM, SETUP_ITEM) if state.answers.get(item) == FIX_SETUP}
    return bool(asked) and not begun


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(map(shown_path, paths[:_SHOWN])) + more
