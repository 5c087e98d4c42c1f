"""What needs the user's consent asks for it, names what it is about, and asks again when that changes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

from gastown_desktop.adapters.git.trust import TrustStore
from tests.hostile.injections.case import WORK
from tests.hostile.repositories.case import Case
from tests.hostile.repositories.families.proposals import run
from tests.hostile.repositories.ground import Ground


def _gate_that_plants(ground: Ground) -> None:
    ground.history()
    gate = f"touch {ground.canary} 2>/dev/null; test -f a.txt"
    ground.repo.write(".gastown.toml", f"gates = [{json.dumps(gate)}]\n").commit("A gate")
    ground.notes["gate"] = gate
    assert ground.evil


def _runs_what_it_finds(ground: Ground) -> None:
    ground.shell("sh", "-c", ground.notes["gate"])


def _asks(ground: Ground, *words: str, environment: dict[str, str] | None = None) -> None:
    """Refuses, says what would run, and how to agree."""
    done = ground.rehearse(gated=True, code=2, environment=environment)
    for word in (*words, "not trusted", "--trust"):
        assert word in done.err, done.err


def _asks_first(ground: Ground) -> None:
    _asks(ground, ground.notes["gate"])
    _asks(ground, ground.notes["gate"], environment=ground.without_bubblewrap)


def _changes(change: Callable[[Ground], None], word: str) -> Callable[[Ground], None]:
    """Something that will change after the user has agreed, and what the question has to name then."""

    def plant(ground: Ground) -> None:
        ground.history()
        if not (ground.project / ".gastown.toml").exists():
            ground.repo.write(".gastown.toml", 'gates = ["test -f a.txt"]\n').commit("A gate")
        ground.notes.setdefault("changes", []).append((ground.attack, change, word))

    return plant


def _change(ground: Ground) -> None:
    for attack, change, _ in ground.notes["changes"]:
        ground.attack = attack
        change(ground)


def _another_gate(ground: Ground) -> None:
    gate = f"touch {ground.canary} 2>/dev/null; test -f a.txt"
    ground.repo.write(".gastown.toml", f"gates = [{json.dumps(gate)}]\n").commit("Another gate")
    ground.notes["gate"] = gate


def _another_hook(ground: Ground) -> None:
    ground.hook("post-checkout")


def _another_program(ground: Ground) -> None:
    ground.configure("core.fsmonitor", ground.evil)


def _then(*args: str) -> Callable[[Ground], None]:
    """Changes it, and does what runs it."""

    def control(ground: Ground) -> None:
        _change(ground)
        ground.shell(*(ground.notes.get("gate", "") if arg == "GATE" else arg for arg in args))

    return control


def _asks_again(ground: Ground) -> None:
    """Trust holds until the list changes, whatever changes in it, and is bound to its digest."""
    ground.rehearse("--trust", gated=True)
    store = ground.data / "trust.json"
    for attack, change, word in ground.notes["changes"]:
        before, ground.attack = store.read_text(), attack
        change(ground)
        ground.canary.unlink(missing_ok=True)
        ground.remember()
        _asks(ground, word)
        assert store.read_text() == before
    done = ground.rehearse("--trust", gated=True)
    (digest,) = json.loads(store.read_text()).values()
    assert digest[:12] in done.err, done.err


def _sandbox_that_goes(ground: Ground) -> None:
    """The user agreed while there was a sandbox."""
    _gate_that_plants(ground)
    ground.rehearse("--trust", gated=True)
    ground.canary.unlink(missing_ok=True)


def _runs_unconfined(ground: Ground) -> None:
    """Agreed to, without a sandbox: the gate has the user's rights."""
    ground.rehearse("--trust", gated=True, code=-1, environment=ground.without_bubblewrap)


def _asks_about_the_sandbox(ground: Ground) -> None:
    _asks(ground, "no sandbox", ground.notes["gate"], environment=ground.without_bubblewrap)
    ground.rehearse(gated=True)


def _workers_unconfined(ground: Ground, *trust: str) -> None:
    """A worker's command, where there is no sandbox and no gate that anybody would ask about."""
    turns = [{"calls": [{"name": "bash", "input": {"command": f"touch {ground.canary}"}}]}, *WORK]
    done = run(ground, turns, "--no-gate", environment=ground.without_bubblewrap, trust=bool(trust))
    if not trust:
        done.ended(2)
        assert "no sandbox" in done.err, done.err
        assert not ground.heard


def _damaged_store(ground: Ground) -> None:
    _gate_that_plants(ground)
    ground.data.mkdir(exist_ok=True)
    (ground.data / "trust.json").write_text('{"*": true, "' + str(ground.project) + '": ["*"]}')


def _moved(ground: Ground) -> None:
    """Trust is for a path: a copy of the repository elsewhere has none."""
    _gate_that_plants(ground)
    store = TrustStore(ground.data / "trust.json")
    shutil.copytree(ground.project, ground.other, symlinks=True)
    store.trust(ground.other, "0" * 64)


CASES = (
    Case(
        name="gate-without-consent",
        wish="have a proposed gate run at once",
        plant=_gate_that_plants,
        control=_runs_what_it_finds,
        program=_asks_first,
    ),
    Case(
        name="trust-that-is-damaged",
        wish="be trusted by a file that says so in another way",
        plant=_damaged_store,
        control=_runs_what_it_finds,
        program=_asks_first,
    ),
    Case(
        name="trust-of-another-path",
        wish="have the trust of a copy elsewhere",
        plant=_moved,
        control=_runs_what_it_finds,
        program=_asks_first,
    ),
    Case(
        name="added-hook",
        wish="add a hook after consent",
        plant=_changes(_another_hook, "post-checkout"),
        control=_then("git", "checkout", "-q", "-b", "x"),
        program=_asks_again,
        shares="consent",
        needs=("bwrap",),
    ),
    Case(
        name="changed-gate",
        wish="have another gate run after the first was agreed to",
        plant=_changes(_another_gate, "touch"),
        control=_then("sh", "-c", "GATE"),
        program=_asks_again,
        shares="consent",
        needs=("bwrap",),
    ),
    Case(
        name="added-program",
        wish="configure a program after consent",
        plant=_changes(_another_program, "core.fsmonitor"),
        control=_then("git", "status"),
        program=_asks_again,
        shares="consent",
        needs=("bwrap",),
    ),
    Case(
        name="sandbox-that-goes",
        wish="be run with the user's rights by a consent that was given for a sandbox",
        plant=_sandbox_that_goes,
        control=_runs_unconfined,
        program=_asks_about_the_sandbox,
        needs=("bwrap",),
    ),
    Case(
        name="workers-without-a-sandbox",
        wish="have a worker's commands run with the user's rights, without a question",
        plant=lambda ground: ground.history(),
        control=lambda ground: _workers_unconfined(ground, "--trust"),
        program=_workers_unconfined,
    ),
)
