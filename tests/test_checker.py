from __future__ import annotations

import json
import os
import shutil
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gastown_desktop.checker import Report, check
from tests.builders import RepositoryBuilder, small_python_repository
from tests.e2e.conftest import CommandLine

Event = dict[str, Any]
SAMPLE = ("rehearse", "sample", "--last", "8", "--json", "--check")


@dataclass
class History:
    """A rehearsal of the sample that may be tampered with: its repository, events and plan."""

    town: Path
    file: Path
    convoy: str
    events: list[Event]
    plan: dict[str, Any]

    def git(self, *args: str, stdin: str = "") -> str:
        who = {f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", *args],
            env={
                "PATH": os.environ["PATH"],
                "GIT_DIR": str(self.town),
                "GIT_CONFIG_GLOBAL": os.devnull,
                **who,
            },
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def of_kind(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["kind"] == kind]

    @property
    def landings(self) -> list[Event]:
        return self.of_kind("bead_merged")

    def add(self, kind: str, at: int | None = None, **fields: Any) -> None:
        event = {"v": 1, "kind": kind, "convoy": self.convoy, **fields}
        self.events.insert(len(self.events) if at is None else at, event)

    def move_branches(self, commit: str) -> None:
        for name in ("convoy", "rehearsal"):
            self.git("update-ref", f"refs/heads/{name}/{self.convoy}", commit)

    def take_back_the_last(self) -> Event:
        """The last bead is not merged after all; returns what told that it was."""
        last = self.landings[-1]
        self.events = [one for one in self.events if one is not last and one["kind"] != "convoy_landed"]
        self.move_branches(self.landings[-1]["commit"] if self.landings else self.plan["base"])
        return last

    def land_instead(self, *, tree: str | None = None, message: str | None = None) -> None:
        """Another commit in place of the last landing, everywhere."""
        last, landed = self.landings[-1], self.of_kind("convoy_landed")[-1]
        last["tree"] = tree or last["tree"]
        message = message or self.git("log", "-1", "--format=%B", last["commit"])
        under = self.landings[-2]["commit"]
        last["commit"] = self.git("commit-tree", last["tree"], "-p", under, stdin=message)
        landed.update(commit=last["commit"], tree=last["tree"])
        self.move_branches(last["commit"])

    def depend(self, *pairs: list[str]) -> None:
        """Other dependencies, in plan and history."""
        self.plan["dependencies"] = list(pairs)
        self.events = [one for one in self.events if one["kind"] != "dependency_added"]
        for bead, on in pairs:
            self.add("dependency_added", bead=bead, on=on)

    def other_tree(self) -> str:
        """The last landing's tree without one of its files."""
        listing = self.git("ls-tree", self.landings[-1]["tree"]).splitlines()
        return self.git("mktree", stdin="\n".join(listing[:-1]) + "\n")

    def make_conflict(self, bead: str, submission: Event | None = None) -> None:
        """The bead was handed in on the base, with another version of a file that was changed meanwhile."""
        handed = submission or next(one for one in self.of_kind("bead_submitted") if one["bead"] == bead)
        base, under = self.plan["base"], self.landings[-2]["commit"]
        path = self.git("diff-tree", "-r", "--name-only", "--diff-filter=M", base, under).splitlines()[0]
        tree = self.with_file(f"{base}^{{tree}}", path, "another version\n")
        handed.update(base=base, commit=self.git("commit-tree", tree, "-p", base, stdin="Conflicting"))

    def with_file(self, tree: str, path: str, text: str) -> str:
        """A tree with one file set."""
        name, _, rest = path.partition("/")
        lines = [line for line in self.git("ls-tree", tree).splitlines() if line.partition("\t")[2] != name]
        if rest:
            inner = self.git("rev-parse", f"{self.git('rev-parse', tree)}:{name}")
            lines.append(f"040000 tree {self.with_file(inner, rest, text)}\t{name}")
        else:
            blob = self.git("hash-object", "-w", "--stdin", stdin=text)
            lines.append(f"100644 blob {blob}\t{name}")
        return self.git("mktree", stdin="\n".join(lines) + "\n")

    def green(self, tree: str) -> None:
        """A green gate on a tree, told before anything was merged."""
        at = self.events.index(self.landings[0])
        self.add("gate_run", at, gate="tests", tree=tree, green=True, purpose="candidate", beads=[])

    def check(self, **options: Any) -> Report:
        """Numbers and seals the events, stores the plan, and lets the checker look."""
        lines = [seal({**event, "seq": number}) for number, event in enumerate(self.events, 1)]
        self.file.write_bytes(b"".join(lines))
        blob = self.git("hash-object", "-w", "--stdin", stdin=json.dumps(self.plan))
        self.git("update-ref", f"refs/gastown/rehearsals/{self.convoy}/plan", blob)
        return check(self.town, self.file, self.convoy, **options)


def seal(event: Event) -> bytes:
    text = json.dumps(event).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def opened(line: bytes) -> Event:
    return json.loads(line[9:])


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    command_line = CommandLine(tmp_path_factory.mktemp("rehearsed"))
    result = command_line.run(*SAMPLE).ended(0).json
    empty: dict[str, Any] = {"problems": [], "resolved": [], "differences": []}
    assert result["check"] == {"ok": True, "checked": 8, **empty}
    return command_line


@pytest.fixture
def history(rehearsed: CommandLine, tmp_path: Path) -> History:
    town, file = tmp_path / 'a "copy"' / "town.git", tmp_path / "events.jsonl"
    shutil.copytree(rehearsed.rig() / "town.git", town)
    (original,) = (rehearsed.rig() / "events").iterdir()
    events = [opened(line) for line in original.read_bytes().splitlines()]
    history = History(town, file, original.stem, events, {})
    blob = history.git("rev-parse", f"refs/gastown/rehearsals/{history.convoy}/plan")
    history.plan = json.loads(history.git("cat-file", "blob", blob))
    for landing in history.landings:  # how long the prefixes were is a matter of time
        history.green(landing["tree"])
    return history


def test_untouched_history_holds_and_the_repository_is_only_read(history: History) -> None:
    assert history.check() == Report(ok=True, problems=(), checked=8, resolved=(), differences=())
    before = sorted(path for path in history.town.rglob("*"))
    assert history.check().ok
    assert sorted(path for path in history.town.rglob("*")) == before


def test_configuration_and_attributes_of_the_repository_change_nothing(history: History) -> None:
    history.git("config", "merge.renames", "false")
    history.git("config", "merge.union.driver", "false")
    (history.town / "info").mkdir(exist_ok=True)
    (history.town / "info" / "attributes").write_text("* merge=union\n")
    assert history.check().ok


def test_wrong_tree_is_caught(history: History) -> None:
    history.land_instead(tree=history.other_tree())
    history.green(history.landings[-1]["tree"])
    problems = history.check().problems
    assert f"{history.landings[-1]['bead']}: its tree is" in problems[0]
    assert "A true plan was merged whole" in problems[1]


def test_tree_that_only_the_history_tells_is_caught(history: History) -> None:
    history.landings[3]["tree"] = history.landings[2]["tree"]
    (problem,) = history.check().problems
    assert "another tree than the history says" in problem


def test_conflict_that_code_settled_needs_a_green_gate_and_is_told(history: History) -> None:
    last = history.landings[-1]
    history.make_conflict(last["bead"])
    assert any("git finds a conflict" in problem for problem in history.check().problems)
    last["settled"] = "remembered"
    assert any("git finds a conflict" in problem for problem in history.check().problems) is False
    history.events = [one for one in history.events if one.get("gate") is None or one["tree"] != last["tree"]]
    assert any("was not green before" in problem for problem in history.check().problems)
    history.green(last["tree"])
    report = history.check()
    assert report.ok
    assert report.resolved == (last["bead"],)


def test_without_a_gate_code_settles_nothing(history: History) -> None:
    history.make_conflict(history.landings[-1]["bead"])
    history.landings[-1]["settled"] = "union"
    history.plan["settings"]["gates"] = []
    assert any("git finds a conflict" in problem for problem in history.check().problems)


def test_clean_merge_is_never_a_resolution(history: History) -> None:
    history.land_instead(tree=history.other_tree())
    history.landings[-1]["settled"] = "remembered"
    history.green(history.landings[-1]["tree"])
    assert any("its tree is" in problem for problem in history.check().problems)


def test_work_of_a_resolver_stands_for_work_that_conflicts(history: History) -> None:
    last = history.landings[-1]
    (worker,) = [one for one in history.of_kind("bead_submitted") if one["bead"] == last["bead"]]
    resolved = {**worker, "resolver": f"{last['bead']}.r1"}
    history.events.insert(history.events.index(worker) + 1, resolved)
    assert "was given to a resolver, but git merges it" in history.check().problems[0]
    history.events.remove(worker)
    assert "by a resolver and by nobody before" in history.check().problems[0]
    history.events.insert(history.events.index(resolved), worker_copy := dict(worker))
    history.make_conflict(last["bead"], worker_copy)
    report = history.check()
    assert report.ok
    assert report.resolved == (last["bead"],)


def test_skipped_bead_is_caught(history: History) -> None:
    skipped = history.landings[4]
    history.events.remove(skipped)
    problems = history.check().problems
    assert any("is not on top of" in problem for problem in problems)
    assert "The convoy landed, but not all of its beads are merged." in problems


def test_skipped_last_bead_is_caught(history: History) -> None:
    history.events.remove(history.landings[-1])
    assert any("branch does not end with" in problem for problem in history.check().problems)


def test_swapped_order_is_caught(history: History) -> None:
    first, second = (history.events.index(landing) for landing in history.landings[5:7])
    history.events[first], history.events[second] = history.events[second], history.events[first]
    assert any("is not on top of" in problem for problem in history.check().problems)


def test_bead_that_is_merged_twice_is_caught(history: History) -> None:
    history.add("bead_merged", **{key: history.landings[-1][key] for key in ("bead", "commit", "tree")})
    assert any("is merged twice" in problem for problem in history.check().problems)


def test_bead_that_was_never_submitted_is_caught(history: History) -> None:
    bead = history.landings[0]["bead"]
    history.events = [one for one in history.events if one["kind"] != "bead_submitted" or one["bead"] != bead]
    assert history.check().problems == (f"{bead} is merged and was never submitted.",)


def test_submission_on_another_base_than_told_is_caught(history: History) -> None:
    submitted = next(one for one in history.of_kind("bead_submitted"))
    submitted["base"] = history.plan["tip"]
    assert any("not on top of its base" in problem for problem in history.check().problems)


@pytest.mark.parametrize("green", [None, False])
def test_ungated_merge_is_caught(history: History, green: bool | None) -> None:
    last = history.landings[-1]
    runs = [run for run in history.of_kind("gate_run") if run["tree"] == last["tree"]]
    assert runs
    for run in runs:
        run["green"] = green
        if green is None:
            history.events.remove(run)
    assert history.check().problems == (
        f"The branch moved to {last['bead']}, but its tree was not green before.",
    )


def test_gate_that_was_green_only_afterwards_is_caught(history: History) -> None:
    last = history.landings[-1]
    for run in [run for run in history.of_kind("gate_run") if run["tree"] == last["tree"]]:
        history.events.remove(run)
        history.events.append(run)
    assert any("was not green before" in problem for problem in history.check().problems)


def test_every_gate_has_to_be_green(history: History) -> None:
    history.plan["settings"]["gates"].append({"name": "lint", "command": "true", "timeout_s": 1})
    assert any("was not green before" in problem for problem in history.check().problems)


@pytest.mark.parametrize("why", ["no gate", "red base"])
def test_rehearsal_without_gates_may_land_ungated(history: History, why: str) -> None:
    history.events = [one for one in history.events if one["kind"] != "gate_run"]
    if why == "no gate":
        history.plan["settings"]["gates"] = []
    else:
        history.of_kind("gate_judged")[0]["base_green"] = False
    assert history.check().ok


def test_prefix_whose_telling_a_crash_cut_is_one_prefix(history: History) -> None:
    first, second = history.landings[-2:]
    gates = [run for run in history.of_kind("gate_run") if run["tree"] == second["tree"]]
    kept = [one for one in history.events if one not in (first, second, *gates)]
    kept = [one for one in kept if one["kind"] != "gate_run" or one["tree"] != first["tree"]]
    landed = kept.index(history.of_kind("convoy_landed")[0])
    history.events = [*kept[:landed], *gates, first, second, *kept[landed:]]
    assert history.check().ok

    history.add("dispatch_paused", history.events.index(second), reason="")
    assert any("was not green before" in problem for problem in history.check().problems)

    history.add("recovered", history.events.index(second) + 1, assumed_requests=0, killed_children=0)
    assert history.check().ok


def test_needs_you_bead_that_replays_cleanly_is_caught(history: History) -> None:
    bead = history.take_back_the_last()["bead"]
    history.add("needs_you", item=f"{bead}:question:1", about="question", text="", bead=bead)
    (problem,) = history.check().problems
    assert problem == f"{bead} is in Needs you (question), but replays cleanly on what was merged."
    assert history.check(excused=[bead]).ok


def test_bead_that_is_neither_merged_nor_in_needs_you_is_caught(history: History) -> None:
    bead = history.take_back_the_last()["bead"]
    assert history.check().problems == (f"{bead} is neither merged nor in Needs you.",)
    history.add("needs_you", item=f"{bead}:question:1", about="question", text="", bead=bead)
    history.add("need_answered", item=f"{bead}:question:1", answer="yes")
    assert history.check().problems == (f"{bead} is neither merged nor in Needs you.",)


def test_merged_bead_in_needs_you_is_caught(history: History) -> None:
    bead = history.landings[0]["bead"]
    history.add("needs_you", item=f"{bead}:stuck:1", about="stuck", text="", bead=bead)
    assert history.check().problems == (f"{bead} is merged and in Needs you.",)


def test_beads_left_by_a_spending_limit_are_no_problem(history: History) -> None:
    missing = history.take_back_the_last()["bead"]
    history.add("needs_you", item="limit", about="limit", text="", bead=None)
    report = history.check()
    assert report.ok
    assert report.checked == 7
    assert report.differences
    assert all(missing in difference.missing for difference in report.differences)


def test_bead_that_waits_for_one_that_is_not_merged_need_not_ask(history: History) -> None:
    waiting, on = history.take_back_the_last()["bead"], history.take_back_the_last()["bead"]
    history.depend([waiting, on])
    assert history.check().problems == (f"{on} is neither merged nor in Needs you.",)


def test_only_dependencies_that_were_in_force_excuse_a_bead(history: History) -> None:
    waiting, on = history.take_back_the_last()["bead"], history.take_back_the_last()["bead"]
    history.depend()
    history.plan["dependencies"] = [[waiting, on]]
    assert "The history has other dependencies than the true plan." in history.check().problems
    history.of_kind("convoy_created")[0]["plan"] = "none"
    assert set(history.check().problems) == {
        f"{bead} is neither merged nor in Needs you." for bead in (waiting, on)
    }


def test_bead_that_conflicts_may_need_you(history: History) -> None:
    while history.landings:
        history.take_back_the_last()
    bead = next(iter(history.plan["conflicting"]))
    history.depend()
    history.add("needs_you", item="limit", about="limit", text="", bead=None)
    history.add("needs_you", item=f"{bead}:conflict", about="conflict", text="", bead=bead)
    assert history.check().ok


def test_red_bead_needs_you_only_after_a_second_run(history: History) -> None:
    last = history.take_back_the_last()
    history.add("needs_you", item=f"{last['bead']}:red", about="red", text="", bead=last["bead"])
    assert any("no second run confirmed" in problem for problem in history.check().problems)
    red = {"gate": "tests", "tree": last["tree"], "green": False, "purpose": "confirm"}
    history.add("gate_run", **red, beads=[last["bead"]])
    assert history.check().ok


@pytest.mark.parametrize("named", ["harb-00000", "cv-00000"])
def test_commit_with_the_trailers_of_another_is_caught(history: History, named: str) -> None:
    last = history.landings[-1]
    whose = last["bead"] if named.startswith("harb") else history.convoy
    message = history.git("log", "-1", "--format=%B", last["commit"])
    head, _, trailers = message.rpartition("\n\n")
    history.land_instead(message=f"{head}\n\n{trailers.replace(whose, named)}")
    (problem,) = history.check().problems
    assert "the trailers of its commit name" in problem
    assert named in problem


@pytest.mark.parametrize("branch", ["convoy", "rehearsal"])
def test_branch_that_ends_elsewhere_is_caught(history: History, branch: str) -> None:
    history.git("update-ref", f"refs/heads/{branch}/{history.convoy}", history.plan["base"])
    (problem,) = history.check().problems
    assert "last landing" in problem


def test_path_that_differs_from_history_names_who_touched_it_last(history: History) -> None:
    history.plan["tip"] = history.plan["base"]
    history.of_kind("convoy_created")[0]["plan"] = "none"
    report = history.check()
    assert report.ok
    touching: dict[str, list[str]] = {}
    for landing in history.landings:
        listing = history.git("diff-tree", "-r", "--name-only", f"{landing['commit']}^", landing["commit"])
        for path in listing.splitlines():
            touching.setdefault(path, []).append(landing["bead"])
    assert {one.path: one.beads for one in report.differences} == {
        path: tuple(beads[-2:]) for path, beads in touching.items()
    }
    assert any(len(one.beads) == 2 for one in report.differences)


def test_bead_that_is_in_no_plan_is_caught(history: History) -> None:
    history.add("bead_added", bead="harb-00000")
    assert history.check().problems == ("The history has other beads than the plan.",)


def test_history_of_another_base_is_caught(history: History) -> None:
    history.of_kind("convoy_created")[0]["base"] = history.plan["tip"]
    assert any("not that of this convoy" in problem for problem in history.check().problems)


def test_damaged_lost_or_foreign_lines_are_caught(history: History) -> None:
    assert history.check().ok
    lines = history.file.read_bytes().splitlines(keepends=True)
    for number, changed in ((7, lines[6].replace(b"harb", b"herb", 1)), (9, b"x\n"), (3, b"")):
        history.file.write_bytes(b"".join([*lines[: number - 1], changed, *lines[number:]]))
        (problem,) = check(history.town, history.file, history.convoy).problems
        assert f"Line {number} " in problem


def test_line_that_was_never_finished_does_not_count(history: History) -> None:
    assert history.check().ok
    history.file.write_bytes(history.file.read_bytes() + b'12345678 {"v":1,"se')
    assert check(history.town, history.file, history.convoy).ok


def test_what_cannot_be_read_is_a_problem_and_no_crash(history: History, tmp_path: Path) -> None:
    assert not check(history.town, tmp_path / "none.jsonl", history.convoy).ok
    assert not check(tmp_path / "none.git", history.file, history.convoy).ok
    history.landings[2]["commit"] = "--help"
    assert "--help names no object." in history.check().problems
    history.landings[2]["commit"] = "1" * 40
    assert not history.check().ok
    del history.landings[2]["commit"]
    assert any("cannot be understood" in problem for problem in history.check().problems)
    assert any(
        "no rehearsal cv-zzzzz" in text for text in check(history.town, history.file, "cv-zzzzz").problems
    )


@pytest.fixture
def small(tmp_path: Path) -> RepositoryBuilder:
    return small_python_repository(tmp_path / "greetings")


def test_resume_checks_too_and_what_does_not_hold_ends_with_exit_code_1(
    tmp_path: Path, small: RepositoryBuilder
) -> None:
    command_line = CommandLine(tmp_path / "user")
    command_line.run("rehearse", small.folder, "--last", "2", "--no-gate", "--json").ended(0)
    resume = ("resume", small.folder, "--json", "--check")
    assert command_line.run(*resume).ended(0).json["check"]["ok"]
    (file,) = (command_line.rig() / "events").iterdir()
    events = [opened(line) for line in file.read_bytes().splitlines()]
    for event in events:
        if event["kind"] == "bead_merged":
            event["tree"] = event["commit"]
    file.write_bytes(b"".join(map(seal, events)))
    done = command_line.run(*resume).ended(1)
    assert "another tree than the history says" in done.json["check"]["problems"][0]
    assert "another tree than the history says" in done.err
