"""A second opinion on a rehearsal: replays its landings with plain git and compares.

It shares no code with the program, only the forms in which history and plan are written down: what the engine
got wrong must not be wrong here for the same reason. The repository it looks at is only read.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

Event = dict[str, Any]

_SETTINGS = {
    "core.autocrlf": "false",
    "core.hooksPath": os.devnull,
    "diff.algorithm": "histogram",
    "merge.conflictStyle": "merge",
    "merge.directoryRenames": "conflict",
    "merge.renameLimit": "7000",
    "merge.renames": "true",
    "safe.bareRepository": "explicit",
}
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C",
    **{f"GIT_{who}_NAME": "checker" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "checker@gastown.invalid" for who in ("AUTHOR", "COMMITTER")},
}
_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_WITHOUT_GATE = "go on without this gate"
"""What the user answers about a gate that is not to count any more."""
_STOPPED_BY = frozenset({"breaker", "disk", "gate", "limit", "model", "power", "setup"})
"""What a whole convoy stops for: then beads may be left that ask nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A path that came out differently from history."""

    path: str
    beads: tuple[str, ...]
    """The last two merged beads that touched it, in landing order; fewer if fewer did."""
    missing: tuple[str, ...]
    """Beads that would have touched it and are not merged: reason enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the checker found."""

    ok: bool
    """Whether there is no problem; a difference is one only where the plan rules it out."""
    problems: tuple[str, ...]
    """What does not hold, in sentences."""
    checked: int
    """Landings that were replayed."""
    resolved: tuple[str, ...]
    """Beads that landed as a gated resolution of a conflict instead of a clean merge."""
    differences: tuple[Difference, ...]


class _Unreadable(Exception):
    """Something that the check needs is missing or damaged."""


def check(town_git: Path, events_file: Path, convoy: str, *, excused: Collection[str] = ()) -> Report:
    """Replays a finished rehearsal.

    Args:
        town_git: the rig's own repository; only read.
        events_file: the history of the convoy.
        convoy: its id.
        excused: beads that were given a lasting fault on purpose: they may need the user though they replay.
    """
    with tempfile.TemporaryDirectory(prefix="gastown-check-") as scratch:
        checking = _Check(convoy=convoy, excused=frozenset(excused))
        try:
            checking.run(_Git(town_git, Path(scratch)), _read_events(events_file))
        except (_Unreadable, OSError) as error:
            checking.problems.append(str(error))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            checking.problems.append(f"History and plan cannot be understood ({error!r}).")
    return Report(
        ok=not checking.problems,
        problems=tuple(checking.problems),
        checked=len(checking.landings),
        resolved=tuple(checking.resolved),
        differences=tuple(checking.differences),
    )


class _Commit(NamedTuple):
    tree: str
    parents: tuple[str, ...]
    message: str

    def trailer(self, name: str) -> str | None:
        """The last value of a trailer in the last paragraph."""
        lines = self.message.rstrip().rpartition("\n\n")[2].splitlines()
        found = [line.partition(": ")[2].strip() for line in lines if line.startswith(f"{name}: ")]
        return found[-1] if found else None


class _Git:
    """Plain git on the objects of one repository, from a repository of its own that takes what it writes."""

    def __init__(self, town: Path, scratch: Path) -> None:
        self._town = town.resolve()
        self._scratch = scratch / "check.git"
        self._commits: dict[str, _Commit] = {}
        form = os.fsdecode(_answer(_git(self._town, "rev-parse", "--show-object-format"))).strip()
        _answer(_git(None, "init", "-q", "--bare", "--template=", f"--object-format={form}", self._scratch))
        objects = os.fsencode(self._town / "objects")
        for sign in (b"\\", b'"'):
            objects = objects.replace(sign, b"\\" + sign)
        (self._scratch / "objects" / "info" / "alternates").write_bytes(b'"' + objects + b'"\n')

    def ref(self, name: str) -> str | None:
        """What a ref of the town points at."""
        done = _git(self._town, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
        return os.fsdecode(done.stdout).strip() if done.returncode == 0 else None

    def read(self, kind: str, oid: str) -> bytes:
        """Reads a blob or a commit."""
        if not _OID.fullmatch(oid):
            raise _Unreadable(f"{oid} names no object.")
        return _answer(_git(self._scratch, "cat-file", kind, oid))

    def commit(self, oid: str) -> _Commit:
        """Reads a commit."""
        if oid not in self._commits:
            head, _, message = self.read("commit", oid).decode("utf-8", "replace").partition("\n\n")
            lines = [line.split(" ", 1) for line in head.splitlines() if " " in line]
            tree, *parents = (value for key, value in lines if key in {"tree", "parent"})
            self._commits[oid] = _Commit(tree, tuple(parents), message)
        return self._commits[oid]

    def merge(self, base: str, ours: str, theirs: str) -> str | None:
        """The tree into which git merges three trees; None for a conflict."""
        root = self._plant(base, "base")
        sides = (self._plant(ours, "ours", "-p", root), self._plant(theirs, "theirs", "-p", root))
        done = _git(self._scratch, "merge-tree", "--write-tree", "-z", "--no-messages", *sides)
        return None if done.returncode == 1 else os.fsdecode(_answer(done).partition(b"\0")[0])

    def changed(self, old: str, new: str) -> set[str]:
        """Paths that differ between two trees."""
        options = ("-r", "-z", "--name-only", "--no-renames")
        listing = _answer(_git(self._scratch, "diff-tree", *options, old, new))
        return set(filter(None, os.fsdecode(listing).split("\0")))

    def _plant(self, tree: str, message: str, *parent: str) -> str:
        return os.fsdecode(_answer(_git(self._scratch, "commit-tree", tree, *parent, "-m", message))).strip()


def _git(git_dir: Path | None, *args: str | Path) -> subprocess.CompletedProcess[bytes]:
    own = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    environment = {**_ENVIRONMENT, **own, **({"GIT_DIR": str(git_dir)} if git_dir else {})}
    settings = [word for pair in _SETTINGS.items() for word in ("-c", "=".join(pair))]
    command = ["git", "--no-pager", *settings, *args]
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True)


def _answer(done: subprocess.CompletedProcess[bytes]) -> bytes:
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-500:]
        raise _Unreadable(f"git failed ({done.returncode}): {said}")
    return done.stdout


def _read_events(path: Path) -> list[Event]:
    """The whole history; a last line that was never finished is left out."""
    *lines, _torn = path.read_bytes().split(b"\n")
    events: list[Event] = []
    for number, line in enumerate(lines, 1):
        checksum, _, text = line.partition(b" ")
        if checksum != f"{zlib.crc32(text):08x}".encode():
            raise _Unreadable(f"Line {number} of the history is damaged.")
        event: Event = json.loads(text)
        if event["seq"] != number:
            raise _Unreadable(f"Line {number} of the history holds event {event['seq']}.")
        events.append(event)
    return events


class _Landing(NamedTuple):
    """One `bead_merged`, with its place in the history, and the trees over and under it as git has them."""

    at: int
    bead: str
    commit: str
    tree: str
    before: str


@dataclass(slots=True, kw_only=True)
class _Check:
    """One check from its beginning to its end; what it finds adds up here."""

    convoy: str
    excused: frozenset[str]
    problems: list[str] = field(default_factory=list[str])
    resolved: list[str] = field(default_factory=list[str])
    differences: list[Difference] = field(default_factory=list[Difference])
    git: _Git = field(init=False)
    events: list[Event] = field(init=False)
    plan: dict[str, Any] = field(init=False)
    works: dict[str, str] = field(init=False)
    """Past commit of each bead."""
    waits: set[tuple[str, str]] = field(init=False)
    """Bead and what it waits for: the plan keeps the true dependencies, the history those in force."""
    parents: dict[str, str] = field(init=False)
    """The bead whose conflict a resolve bead is about."""
    is_true: bool = False
    landings: list[_Landing] = field(default_factory=list[_Landing])

    def run(self, git: _Git, events: list[Event]) -> None:
        """Checks everything."""
        self.git, self.events = git, events
        blob = git.ref(f"refs/gastown/rehearsals/{self.convoy}/plan")
        if blob is None:
            raise _Unreadable(f"There is no rehearsal {self.convoy} in this repository.")
        self.plan = json.loads(git.read("blob", blob))
        self.works = dict(zip(self.plan["beads"], self.plan["commits"], strict=True))
        added = self._told("dependency_added")
        self.waits = {(event["bead"], event["on"]) for event in added if event.get("type") != "parent"}
        self.parents = {event["bead"]: event["on"] for event in added if event.get("type") == "parent"}
        self.is_true = any(event["plan"] == "true" for event in self._told("convoy_created"))
        self._beginning()
        self._replay_landings()
        self._branches()
        self._gated_prefixes()
        self._those_not_merged()
        self._against_history()

    def _beginning(self) -> None:
        """The history tells of this plan and no other."""
        named = [(event["convoy"], event["base"]) for event in self._told("convoy_created")]
        if named != [(self.convoy, self.plan["base"])]:
            self._problem("The history is not that of this convoy on this base.")
        added = {event["bead"]: event.get("type") for event in self._told("bead_added")}
        if {bead for bead, kind in added.items() if kind != "resolve"} != set(self.works):
            self._problem("The history has other beads than the plan.")
        if self.is_true and self.waits != {(bead, on) for bead, on in self.plan["dependencies"]}:
            self._problem("The history has other dependencies than the true plan.")

    def _replay_landings(self) -> None:
        """Every landing is the next commit, of the right bead, with the tree that git merges."""
        under = self.plan["base"]
        for at, event in enumerate(self.events):
            if event["kind"] != "bead_merged":
                continue
            bead, commit = event["bead"], self.git.commit(event["commit"])
            before = self.git.commit(under).tree
            if any(landing.bead == bead for landing in self.landings):
                self._problem(f"{bead} is merged twice.")
            if commit.parents != (under,):
                self._problem(f"{bead}: its commit {event['commit'][:10]} is not on top of {under[:10]}.")
            if commit.tree != event["tree"]:
                self._problem(f"{bead}: its commit has another tree than the history says.")
            named = (commit.trailer("Gastown-Bead"), commit.trailer("Gastown-Convoy"))
            if named != (bead, self.convoy):
                self._problem(f"{bead}: the trailers of its commit name {named[0]} of {named[1]}.")
            self._replay(at, bead, before, commit.tree)
            self.landings.append(_Landing(at, bead, event["commit"], commit.tree, before))
            under = event["commit"]

    def _replay(self, at: int, bead: str, before: str, tree: str) -> None:
        handed_in = self._told("bead_submitted", bead, at)
        if not handed_in:
            self._problem(f"{bead} is merged and was never submitted.")
            return
        work = self.git.commit(handed_in[-1]["commit"])
        if work.parents != (handed_in[-1]["base"],):
            self._problem(f"{bead}: what was submitted is not on top of its base.")
        base = self.git.commit(handed_in[-1]["base"]).tree
        if handed_in[-1].get("resolver") is not None:
            self.resolved.append(bead)
            self._had_a_conflict(bead, handed_in)
        expected = self.git.merge(base, before, work.tree)
        if expected == tree:
            return
        if self.events[at].get("settled") and expected is None and self._gates(at):
            self.resolved.append(bead)
        elif expected is None:
            self._problem(f"{bead} is merged, but git finds a conflict and no gated resolution is recorded.")
        else:
            self._problem(f"{bead}: its tree is {tree[:10]}, git merges {expected[:10]}.")

    def _had_a_conflict(self, bead: str, handed_in: Sequence[Event]) -> None:
        """What a resolver handed in must stand for work that git could not merge."""
        worker = [event for event in handed_in if event.get("resolver") is None]
        if not worker:
            self._problem(f"{bead} was handed in by a resolver and by nobody before.")
            return
        base, theirs = (self.git.commit(worker[-1][name]).tree for name in ("base", "commit"))
        landed = [landing.commit for landing in self.landings]
        first = landed.index(worker[-1]["base"]) + 1 if worker[-1]["base"] in landed else 0
        tips = [self.git.commit(handed_in[-1]["base"]).tree, *(one.tree for one in self.landings[first:])]
        if all(self.git.merge(base, tip, theirs) is not None for tip in dict.fromkeys(tips)):
            self._problem(f"{bead} was given to a resolver, but git merges it on every tip.")

    def _branches(self) -> None:
        """The convoy branch ends with the last landing, and so does the target once the convoy landed."""
        last, tree = self._tip, self.git.commit(self._tip).tree
        if self.git.ref(f"refs/heads/convoy/{self.convoy}") != last:
            self._problem(f"The convoy branch does not end with the last landing {last[:10]}.")
        commits = {landing.commit: landing.tree for landing in self.landings}
        for landed in self._told("convoy_landed"):
            if landed.get("partial"):
                if commits.get(landed["commit"]) != landed["tree"]:
                    self._problem(f"What landed on {landed['target']} is no landing of this convoy.")
                continue
            if (landed["commit"], landed["tree"], self.git.ref(landed["target"])) != (last, tree, last):
                self._problem(f"What landed, or {landed['target']}, is not the last landing.")
            if {landing.bead for landing in self.landings} != set(self.works):
                self._problem("The convoy landed, but not all of its beads are merged.")

    def _gated_prefixes(self) -> None:
        """The branch moved only to trees that the gates found green."""
        for number, landing in enumerate(self.landings):
            if self._moves_on(number) and not self._is_gated(landing.tree, landing.at):
                self._problem(f"The branch moved to {landing.bead}, but its tree was not green before.")

    def _moves_on(self, number: int) -> bool:
        """Tells whether a landing ends a prefix, which is told in one go.

        A crash may cut one: its rest is told at the next start, before `recovered` and without a gate.
        """
        if number + 1 == len(self.landings):
            return True
        here, there = self.landings[number].at, self.landings[number + 1].at
        between = {event["kind"] for event in self.events[here:there]}
        later = (event["kind"] for event in self.events[there:])
        told = next((kind for kind in later if kind in {"gate_run", "recovered"}), "")
        went_on = "gate_run" in between or "recovered" in between or told != "recovered"
        return there > here + 1 and went_on

    def _is_gated(self, tree: str, at: int) -> bool:
        """Tells whether every gate was green when it ran last on a tree before an event."""
        runs = [event for event in self._told("gate_run", before=at) if event["tree"] == tree]
        last = {event["gate"]: event["green"] for event in runs}
        return all(last.get(gate, False) for gate in self._gates(at))

    def _gates(self, at: int) -> list[str]:
        """The gates that counted at an event."""
        if any(not event["base_green"] for event in self._told("gate_judged", before=at)):
            return []
        unused = {
            event["item"].removeprefix("gate:")
            for event in self._told("need_answered", before=at)
            if event["item"].startswith("gate:") and event["answer"].strip(" .").lower() == _WITHOUT_GATE
        }
        return [gate["name"] for gate in self.plan["settings"]["gates"] if gate["name"] not in unused]

    def _those_not_merged(self) -> None:
        """In Needs you are exactly the beads that git cannot replay, and those that a gate blamed."""
        needs: dict[str, Event] = {}
        for event in self.events:
            if event["kind"] == "needs_you":
                needs[event["item"]] = event
            elif event["kind"] == "need_answered":
                needs.pop(event["item"], None)
        stopped = any(need["about"] in _STOPPED_BY for need in needs.values())
        asking = {
            self.parents.get(need["bead"], need["bead"]): need["about"]
            for need in needs.values()
            if need["bead"] is not None
        }
        merged = {landing.bead for landing in self.landings}
        for bead in sorted(merged & set(asking)):
            self._problem(f"{bead} is merged and in Needs you.")
        for bead, past in self.works.items():
            waits = any(one == bead and on not in merged for one, on in self.waits)
            if bead in merged or waits:
                continue
            if bead in asking:
                self._judge(bead, past, asking[bead])
            elif not stopped:
                self._problem(f"{bead} is neither merged nor in Needs you.")

    def _judge(self, bead: str, past: str, about: str) -> None:
        if about in _STOPPED_BY or bead in self.excused:
            return
        if about == "red":
            confirmed = [run for run in self._told("gate_run") if run["purpose"] == "confirm"]
            if not any(run["beads"][-1:] == [bead] and not run["green"] for run in confirmed):
                self._problem(f"{bead} is in Needs you for a red gate that no second run confirmed.")
            return
        tip = self.git.commit(self._tip).tree
        replayed = self.git.merge(self._tree_before(past), tip, self.git.commit(past).tree)
        if replayed is not None and replayed != tip:
            self._problem(f"{bead} is in Needs you ({about}), but replays cleanly on what was merged.")

    def _against_history(self) -> None:
        """Names who made each path that is not as in history."""
        if not (paths := self.git.changed(self._tip, self.plan["tip"])):
            return
        merged = [landing.bead for landing in self.landings]
        wanted = {bead: self.git.changed(self._tree_before(past), past) for bead, past in self.works.items()}
        made = {
            landing.bead: self.git.changed(landing.before, landing.tree) | wanted.get(landing.bead, set())
            for landing in self.landings
        }
        for path in sorted(paths):
            touching = tuple(bead for bead in merged if path in made[bead])
            missing = tuple(bead for bead in self.works if bead not in merged and path in wanted[bead])
            self.differences.append(Difference(path=path, beads=touching[-2:], missing=missing))
        unexplained = [one.path for one in self.differences if not one.missing]
        if self.is_true and unexplained and not self.resolved and set(merged) == set(self.works):
            self._problem(f"A true plan was merged whole, but {len(unexplained)} paths differ from history.")

    @property
    def _tip(self) -> str:
        return self.landings[-1].commit if self.landings else self.plan["base"]

    def _tree_before(self, past: str) -> str:
        return self.git.commit(self.git.commit(past).parents[0]).tree

    def _told(self, kind: str, bead: str | None = None, before: int | None = None) -> Sequence[Event]:
        told = (event for event in self.events[:before] if event["kind"] == kind)
        return [event for event in told if bead is None or event["bead"] == bead]

    def _problem(self, text: str) -> None:
        self.problems.append(text)
