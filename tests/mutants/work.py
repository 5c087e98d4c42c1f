"""Mutants of hooks, Refinery, trust, and of what a fleet does near the end of its money or disk."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_HOOKS = ("tests/engine/test_hooks.py", "tests/engine/test_polecat.py")
_REFINERY = ("tests/engine/test_refinery.py",)
_GIT = ("tests/adapters/test_git_command.py", "tests/adapters/test_git_trust.py")
_MADE = ("tests/adapters/test_git_made_files.py",)
_FILES = ("tests/adapters/test_slot_files.py",)
_LAST_MONEY = ("tests/core/test_slowing.py", "tests/engine/test_finishing_first.py")

WORK: tuple[Mutant, ...] = (
    Mutant(
        name="what nobody has looked at lands all the same",
        file="gastown_desktop/wiring/engine.py",
        old="run.town.gates, target, None, signer, looked=looked)",
        new="run.town.gates, target, None, signer, looked=True)",
        tests=(
            "tests/wiring/test_engine.py::test_what_changes_what_is_run_lands_once_the_user_has_looked_at_it",
        ),
    ),
    Mutant(
        name="a request leaves while the system goes to sleep",
        file="gastown_desktop/engine/spend_gate.py",
        old="place.is_first and not self.sleep.near:",
        new="place.is_first:",
        tests=("tests/engine/test_system_sleep.py",),
    ),
    Mutant(
        name="a turn is not kept by its hook",
        file="gastown_desktop/engine/hooks.py",
        old='parents=(hook.head, kept), subject=f"turn {turn.number}")',
        new='parents=(hook.head,), subject=f"turn {turn.number}")',
        tests=_HOOKS,
    ),
    Mutant(
        name="a hook is overwritten that moved",
        file="gastown_desktop/engine/hooks.py",
        old="        if not await self._objects.swap_ref(name, old=old, new=head):\n"
        '            raise StoreError(f"The hook of {hook.assignment.polecat} moved while it was written.")',
        new="        await self._objects.swap_ref(name, old=await self._objects.read_ref(name), new=head)",
        tests=_HOOKS,
    ),
    Mutant(
        name="a hook that is taken down keeps no transcript",
        file="gastown_desktop/engine/hooks.py",
        old='        """Takes the bead off the hook; its chain stays reachable by the bead\'s name."""\n'
        "        await self._keep(hook)\n",
        new='        """Takes the bead off the hook; its chain stays reachable by the bead\'s name."""\n',
        tests=_HOOKS,
    ),
    Mutant(
        name="a slot does not go back to its hook",
        file="gastown_desktop/engine/polecat.py",
        old="            await kit.slots.reset(slot, self._hook.wip)\n",
        new="            pass\n",
        tests=("tests/engine/test_polecat.py", "tests/engine/test_recovery.py"),
    ),
    Mutant(
        name="a red candidate merges",
        file="gastown_desktop/engine/refinery.py",
        old="            search.record(probe, result.green)\n",
        new="            search.record(probe, True)\n",
        tests=_REFINERY,
    ),
    Mutant(
        name="a stack that is not current merges",
        file="gastown_desktop/engine/refinery.py",
        old="        return waits and landing[0].under == await self._kit.tip()\n",
        new="        return True\n",
        tests=(*_REFINERY, "tests/engine/test_dropping.py"),
    ),
    Mutant(
        name="a conflict merges as git left it",
        file="gastown_desktop/engine/refinery.py",
        old="        if not merge.conflicts:\n            return Settled",
        new="        if True:\n            return Settled",
        tests=_REFINERY,
    ),
    Mutant(
        name="a merge request merges before its review",
        file="gastown_desktop/core/projection.py",
        old="        return not self.reviewed or view.passed or view.polecat == BY_HAND\n",
        new="        return True\n",
        tests=("tests/engine/test_reviews.py",),
    ),
    Mutant(
        name="trust is for any list",
        file="gastown_desktop/wiring/workplace.py",
        old="    if store.is_trusted(workplace.facts.top_level, listed.digest):\n",
        new="    if listed.items:\n",
        tests=("tests/e2e/test_refusals.py", "tests/wiring"),
    ),
    Mutant(
        name="a repository's fsmonitor runs",
        file="gastown_desktop/adapters/git/command.py",
        old='    "core.fsmonitor": "false",\n',
        new="",
        tests=_GIT,
    ),
    Mutant(
        name="a repository's hooks run",
        file="gastown_desktop/adapters/git/command.py",
        old='"--no-pager", "-c", f"core.hooksPath={empty_hooks_folder}"]',
        new='"--no-pager"]',
        tests=_GIT,
    ),
    Mutant(
        name="what was agreed to once holds for another list",
        file="gastown_desktop/adapters/git/trust.py",
        old="        return self._load().get(_key(repository)) == digest\n",
        new="        return _key(repository) in self._load()\n",
        tests=_GIT,
    ),
    Mutant(
        name="a repository's filters run untrusted",
        file="gastown_desktop/adapters/git/command.py",
        old='_EMPTIED = re.compile(r"filter\\..*\\.(clean|smudge|process)|',
        new='_EMPTIED = re.compile(r"filter\\..*\\.(clean|process)|',
        tests=_GIT,
    ),
    Mutant(
        name="a link is followed out of the slot",
        file="gastown_desktop/adapters/slot_files.py",
        old="_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC\n",
        new="_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC\n",
        tests=_FILES,
    ),
    Mutant(
        name="a folder that is a link is followed out of the slot",
        file="gastown_desktop/adapters/slot_files.py",
        old="_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC\n",
        new="_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC\n",
        tests=_FILES,
    ),
    Mutant(
        name="a pipe is read like a file",
        file="gastown_desktop/adapters/slot_files.py",
        old="    if not stat.S_ISREG(status.st_mode):\n",
        new="    if stat.S_ISDIR(status.st_mode):\n",
        tests=_FILES,
    ),
    Mutant(
        name="a repository's wish for anything is heard",
        file="gastown_desktop/adapters/repository_config.py",
        old="key for key in raw if key not in _PROPOSED",
        new="key for key in raw if key in _PROPOSED",
        tests=("tests/adapters/test_repository_config.py",),
    ),
    Mutant(
        name="a file that was changed is taken for what setup made",
        file="gastown_desktop/adapters/git/made_files.py",
        old="                if stamp != (_FOLDER if is_folder else _stamp(info)):\n",
        new="                if False:\n",
        tests=_MADE,
    ),
    Mutant(
        name="what the last worker left beside a setup stays",
        file="gastown_desktop/adapters/git/made_files.py",
        old="                delete_any(folder / path)\n",
        new="                pass\n",
        tests=_MADE,
    ),
    Mutant(
        name="what setup made comes into snapshots with another .gitignore",
        file="gastown_desktop/adapters/git/slots.py",
        old="            *self._excludes(tops),\n",
        new="            *self._excludes(()),\n",
        tests=_MADE,
    ),
    Mutant(
        name="a setup runs once for all lock files",
        file="gastown_desktop/core/preparation.py",
        old="    told = json.dumps([preparation.spelled, sorted(inputs), around])\n",
        new="    told = json.dumps([preparation.spelled, around])\n",
        tests=("tests/core/test_preparation.py", "tests/engine/test_setting_up.py"),
    ),
    Mutant(
        name="a setup that fails on the base stops nobody",
        file="gastown_desktop/engine/town.py",
        old="        if self._kit.sets_up and not await self._prove_setup():\n",
        new="        if False and not await self._prove_setup():\n",
        tests=("tests/engine/test_setting_up.py",),
    ),
    Mutant(
        name="all workers try a setup that failed",
        file="gastown_desktop/engine/setting_up.py",
        old="        if tree in self._failed and not is_gate:\n",
        new="        if False and not is_gate:\n",
        tests=("tests/engine/test_setting_up.py",),
    ),
    Mutant(
        name="secrets of copied files are told",
        file="gastown_desktop/wiring/preparing.py",
        old="        workplace.secrets = workplace.secrets.and_these(",
        new="        workplace.secrets.and_these(",
        tests=("tests/wiring/test_preparing.py",),
    ),
    Mutant(
        name="hosts and copied files are no part of the consent",
        file="gastown_desktop/adapters/git/trust.py",
        old='    items += [TrustItem(kind="copy", name=path, value="") for path in copied]\n',
        new="",
        tests=("tests/adapters/test_git_trust.py",),
    ),
    Mutant(
        name="a deleted file that is still open takes no disk",
        file="gastown_desktop/adapters/sandbox/disk_use.py",
        old="info.st_nlink == 0 and",
        new="info.st_nlink < 0 and",
        tests=("tests/adapters/test_sandbox.py",),
    ),
    Mutant(
        name="the last of a cap is begun with for anybody",
        file="gastown_desktop/core/slowing.py",
        old="or left * LAST_SHARE < cap):\n",
        new="or False):\n",
        tests=_LAST_MONEY,
    ),
    Mutant(
        name="who was chosen for the last money loses it",
        file="gastown_desktop/engine/finishing_first.py",
        old="        self._chosen |= also\n",
        new="        self._chosen = dict(also)\n",
        tests=_LAST_MONEY,
    ),
    Mutant(
        name="who is chosen while another looks is not told",
        file="gastown_desktop/engine/finishing_first.py",
        old="            self._gate.look_again()  # they may have looked",
        new="            pass  # they may have looked",
        tests=_LAST_MONEY,
    ),
    Mutant(
        name="time for which the provider was away is held against a worker",
        file="gastown_desktop/engine/witness.py",
        old="            if seen.waits:  # that time",
        new="            if not seen.alive:  # that time",
        tests=("tests/engine/test_witness.py",),
    ),
    Mutant(
        name="a network that is away for hours is a worker's fault",
        file="gastown_desktop/engine/asking.py",
        old="0.0 if line.is_away else wait_s",
        new="wait_s",
        tests=("tests/engine/test_polecat_and_provider.py",),
    ),
    Mutant(
        name="a model is asked on a full disk",
        file="gastown_desktop/engine/spend_gate.py",
        old="        if not disk.takes_request:\n",
        new="        if not disk.total:\n",
        tests=("tests/engine/test_machine_low.py",),
    ),
    Mutant(
        name="a worker begins on a disk that is low",
        file="gastown_desktop/engine/dispatcher.py",
        old="        if disk.takes_slot and not power.is_low:\n",
        new="        if not power.is_low:\n",
        tests=("tests/engine/test_machine_low.py",),
    ),
)
