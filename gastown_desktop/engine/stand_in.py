"""The stand-in: answers as a polecat that knows how the past commit came out.

It replays the commit on the base its slot starts from, and makes that tree with the ordinary tools: reads
what it will change, edits or writes text, and does the rest (deletes, links, mode bits, binary files) in the
shell. What it says at a turn depends only on the bead, the base and the number of turns so far, so a
conversation that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import json
import logging
import re
import shlex
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.ids import BeadId, Oid, resolved_bead
from gastown_desktop.engine.circles import TOWN_SAYS
from gastown_desktop.engine.conversation import NUDGE
from gastown_desktop.engine.expressible import MechanicalPaths
from gastown_desktop.engine.git_ports import EXECUTABLE, SYMLINK, GitObjects, Merge, TreeChange
from gastown_desktop.engine.messages import USER_SAYS
from gastown_desktop.engine.patience import Patience, SentAway
from gastown_desktop.engine.replay import PastWork, Replays
from gastown_desktop.engine.text_edits import edits_between

_log = logging.getLogger(__name__)

Block = dict[str, Any]
Answer = Callable[[Mapping[str, Any]], Awaitable[Sequence[Block]]]
"""From a request body to content blocks: `text` with its text, `tool_use` with name and input (`spelled`: the
input's text instead of its JSON), and `stop` with the reason where that is not what it would be."""
Prepare = Callable[[Mapping[str, Any]], Coroutine[Any, Any, bool]]
"""Waits, before a request is sent, until it can be answered; tells whether it may be sent."""


async def nothing_to_prepare(_: Mapping[str, Any]) -> bool:
    """Every request may be sent at once."""
    return True


_BEAD = re.compile(r"^Bead: (\S+)$", re.MULTILINE)
_PLACE = re.compile(r"starts from commit ([0-9a-f]{40,64})(?: and holds tree ([0-9a-f]{40,64}))?\.")
_AFRESH = re.compile(r"^You have worked on this for (\d+) turns(?:, (\d+) of them earlier)?;", re.MULTILINE)
_NOTHING_NEW = (NUDGE, TOWN_SAYS, USER_SAYS)
"""How words begin that leave its copy and its task as they were."""
_LONGEST_TEXT = 40_000
"""Characters of the longest text it types; longer files come from a command, as generated files do."""
_LONGEST_CALL = 50_000
"""Characters of the longest call as JSON: the longest reply has 64,000."""
_LONGEST_SUMMARY = 10_000
_TURN_SIZE = 40_000
_READS_PER_TURN = 20
_MOST_TYPED = 200
_TYPED_SIZE = 600_000
"""Paths, and bytes of their files, that it types at most: a bead has 60 turns."""
_EVIDENCE_PATHS = 3


@dataclass(frozen=True, slots=True)
class _Step:
    """One tool call of the script, and the words for the step bar."""

    call: Block
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What a request is about."""

    bead: BeadId
    base: Oid
    start: Oid | None
    """Tree of the copy, where that is not the base's."""
    began: int
    """Turns before the town last put something in between; 0 where it never did."""
    turn: int


class StandIn:
    """Answers request bodies of the Messages API for the beads of one rehearsal."""

    def __init__(
        self,
        objects: GitObjects,
        replays: Replays,
        works: Mapping[BeadId, PastWork],
        mechanical: Mapping[BeadId, MechanicalPaths],
        patience: Patience | None = None,
    ) -> None:
        """Knows how every bead came out.

        Args:
            objects: the rig's own repository.
            replays: merges, remembered.
            works: past work by bead, oldest first.
            mechanical: paths that code puts in place.
            patience: waits for later tips where work conflicts; without it, it asks at once.
        """
        self._patience = patience
        self.targets: dict[tuple[BeadId, Oid], Oid] = {}
        """Trees that beads are to become which were replayed on a later tip than their base."""
        self._objects = objects
        self._replays = replays
        self._works = works
        self._mechanical = mechanical
        self._scripts: dict[tuple[BeadId, Oid, int], tuple[int, list[list[Block]]]] = {}

    async def prepare(self, body: Mapping[str, Any]) -> bool:
        """Waits, before a request is sent, until there is something to answer it from.

        Returns:
            Whether it may be sent; not where its worker is to stand still.
        """
        try:
            await self._script(_case(body["messages"]))
        except SentAway:
            return False
        except GasTownError as error:
            _log.info("this will show in the answer: %s", error)
        return True

    async def answer(self, body: Mapping[str, Any]) -> Sequence[Block]:
        """Content blocks for a request."""
        messages: list[Mapping[str, Any]] = body["messages"]
        case = _case(messages)
        first, script = await self._script(case)
        refused = _refused(messages[-1])
        turn = case.turn - first
        if turn < len(script) and not refused:
            return script[turn]
        question = f"My work was refused: {refused}" if refused else "My script ended without a submission."
        return [_call("ask", question=question)]

    async def _script(self, case: _Case) -> tuple[int, list[list[Block]]]:
        """The script of a case, and the turn it begins with.

        That is the turn at which the case began, unless the process that began it is gone and its script hung
        on a later tip: then it begins anew from where things stand.
        """
        key = (case.bead, case.base, case.began)
        if key not in self._scripts:
            work, tree = self._works[resolved_bead(case.bead)], await self._objects.tree_of(case.base)
            replay = await self._replays.on(work, tree)
            hopeless = bool(replay.conflicts) or replay.tree == tree
            if hopeless or case.began:
                script = await self._later_script(case, work, replay, hopeless=hopeless)
                self._scripts[key] = case.turn, script
            else:
                script = await self._write_script(work, case.start or tree, replay.tree)
                self._scripts[key] = case.began, script
        return self._scripts[key]

    async def _later_script(
        self, case: _Case, work: PastWork, replay: Merge, *, hopeless: bool
    ) -> list[list[Block]]:
        """Takes over a later tip and works from there; else does the same again, or asks."""
        later = await self._patience.later_tip(case.bead, case.base) if self._patience else None
        if later is None and hopeless:
            return [[_call("ask", question=_hopeless(replay.conflicts))]]
        if later is None:
            tree = await self._objects.tree_of(case.base)
            return await self._write_script(work, case.start or tree, replay.tree)
        self.targets[work.bead, case.base] = later.tree
        script = await self._write_script(work, await self._objects.tree_of(later.commit), later.tree)
        taken_over = _call("bash", command=f"git add -A && git read-tree -u --reset {later.commit}")
        return [[taken_over], *script]

    async def _write_script(self, work: PastWork, tree: Oid, target: Oid) -> list[list[Block]]:
        """The turns that make one tree of another."""
        left_to_code = self._mechanical.get(work.bead, {})
        differences = await self._objects.diff_trees(tree, target)
        changes = [change for change in differences if change.path not in left_to_code]
        typed = await self._typed(changes)
        reads = [
            change.path for change in typed if await self._is_short_text(change.old_oid, change.old_mode)
        ]
        steps = await self._steps(changes, typed)
        plan = [{"text": step.words, "done": False} for step in _one_per_words(steps)[:19]]
        plan.append({"text": "Submit", "done": False})
        opening: list[Block] = [
            {"type": "text", "text": f"I will make this change: {work.subject}"},
            _call("plan", steps=plan),
            _call("search", pattern=re.escape(_longest_word(work.subject))),
        ]
        turns = [opening + [_call("read", path=path) for path in reads[:_READS_PER_TURN]]]
        turns += [
            [_call("read", path=path) for path in reads[start : start + _READS_PER_TURN]]
            for start in range(_READS_PER_TURN, len(reads), _READS_PER_TURN)
        ]
        turns += _in_turns(step.call for step in steps)
        done = [{**step, "done": True} for step in plan]
        summary = (work.body or work.subject)[:_LONGEST_SUMMARY]
        turns.append(
            [
                _call("plan", steps=done),
                _call("note", text=f"{len(changes)} paths changed as planned."),
                _call("submit", summary=summary, evidence=_evidence(changes)),
            ]
        )
        return turns

    async def _typed(self, changes: Sequence[TreeChange]) -> list[TreeChange]:
        """Changes that it reads and types, as many as it has turns for; the rest comes from commands."""
        typed: list[TreeChange] = []
        room = _TYPED_SIZE
        for change in changes[:_MOST_TYPED]:
            size = await self._objects.blob_size(change.new_oid) if change.new_oid else 0
            room -= size if size <= _LONGEST_TEXT else 0
            if room < 0:
                break
            typed.append(change)
        return typed

    async def _steps(self, changes: Sequence[TreeChange], typed: Sequence[TreeChange]) -> list[_Step]:
        """Tool calls that make the changes: removals first, since a folder may take a file's place."""
        steps: list[_Step] = []
        gone = [change.path for change in changes if change.new_oid is None]
        for start in range(0, len(gone), 50):
            removed = gone[start : start + 50]
            names = " ".join(shlex.quote(path) for path in removed)
            folders = " ".join(dict.fromkeys(_folder_of(path) for path in removed))
            emptied = f'for folder in {folders}; do rmdir -p -- "$folder"; done 2>/dev/null'
            steps.append(_Step(_call("bash", command=f"rm -f -- {names} && {emptied}; true"), "Remove files"))
        for change in changes:
            if change.new_oid is not None:
                steps += await self._steps_for(change, change.new_oid, typed=change in typed)
        return steps

    async def _steps_for(self, change: TreeChange, new: Oid, *, typed: bool) -> list[_Step]:
        path, quoted = change.path, shlex.quote(change.path)
        parent = f"mkdir -p -- {_folder_of(path)} && "
        words = f"{'Change' if change.old_oid else 'Add'} {path}"
        if change.new_mode == SYMLINK:
            target = (await self._objects.read_blob(new)).decode("utf-8", "surrogateescape")
            return [_Step(_call("bash", command=f"{parent}ln -sfn -- {shlex.quote(target)} {quoted}"), words)]
        steps: list[_Step] = []
        if change.old_mode == SYMLINK:
            steps.append(_Step(_call("bash", command=f"rm -f -- {quoted}"), words))
        was_file = change.old_oid is not None and change.old_mode != SYMLINK
        if change.old_oid != new or not was_file:
            text_calls = await self._text_calls(change, new, was_file=was_file) if typed else []
            calls = text_calls or [_call("bash", command=f"{parent}git cat-file blob {new} > {quoted}")]
            steps += [_Step(call, words) for call in calls]
        if (change.new_mode == EXECUTABLE) != (was_file and change.old_mode == EXECUTABLE):
            sign = "+" if change.new_mode == EXECUTABLE else "-"
            steps.append(_Step(_call("bash", command=f"chmod {sign}x -- {quoted}"), words))
        return steps

    async def _text_calls(self, change: TreeChange, new: Oid, *, was_file: bool) -> list[Block]:
        """Edits or one write that make a text file; empty when it is no short text."""
        if not await self._is_short_text(new, change.new_mode):
            return []
        after = (await self._objects.read_blob(new)).decode()
        if was_file and change.old_oid and await self._is_short_text(change.old_oid, change.old_mode):
            before = (await self._objects.read_blob(change.old_oid)).decode()
            edits = edits_between(before, after)
            calls = [_call("edit", path=change.path, old=old, new=text) for old, text in edits]
            if calls and all(_fits(call) for call in calls):
                return calls
        written = _call("write", path=change.path, content=after)
        return [written] if _fits(written) else []

    async def _is_short_text(self, oid: Oid | None, mode: int) -> bool:
        if oid is None or mode == SYMLINK or await self._objects.blob_size(oid) > _LONGEST_TEXT:
            return False
        data = await self._objects.read_blob(oid)
        try:
            data.decode()
        except UnicodeDecodeError:
            return False
        return b"\0" not in data


def bead_of(body: Mapping[str, Any]) -> BeadId:
    """Which bead a request is about.

    Raises:
        GasTownError: about none.
    """
    found = _BEAD.search(body["messages"][0]["content"][0]["text"])
    if found is None:
        raise GasTownError("The rehearsal's model was asked about no bead.")
    return BeadId(found[1])


def turns_of(messages: Sequence[Mapping[str, Any]]) -> int:
    """Turns of a conversation so far, those before a fresh start included."""
    afresh = _AFRESH.findall(messages[0]["content"][0]["text"])
    before = int(afresh[-1][0]) if afresh else 0
    return before + sum(message["role"] == "assistant" for message in messages)


def _case(messages: Sequence[Mapping[str, Any]]) -> _Case:
    """Reads a conversation: the task, and where the copy was said to stand last."""
    task = messages[0]["content"][0]["text"]
    bead, afresh = _BEAD.search(task), _AFRESH.findall(task)
    places: list[tuple[str, str]] = []
    turn, began = (int(number or 0) for number in (afresh[-1] if afresh else ("0", "0")))
    begun_at = turn
    for message in messages:
        turn += message["role"] == "assistant"
        if message["role"] == "user":
            texts = [str(block["text"]) for block in message["content"] if block["type"] == "text"]
            places += [place for text in texts for place in _PLACE.findall(text)[-1:]]
            is_new = turn > begun_at and not all(text.startswith(_NOTHING_NEW) for text in texts)
            began = turn if is_new else began
    if bead is None or not places:
        raise GasTownError("The rehearsal's model was asked about no bead.")
    base, start = places[-1]
    return _Case(
        bead=BeadId(bead[1]), base=Oid(base), start=Oid(start) if start else None, began=began, turn=turn
    )


def _call(name: str, **given: Any) -> Block:
    return {"type": "tool_use", "name": name, "input": given}


def _hopeless(conflicts: Sequence[str]) -> str:
    if not conflicts:
        return "What this change does is already there."
    return f"This change conflicts with what is there in {', '.join(conflicts)}."


def _fits(call: Block) -> bool:
    """Tells whether a reply has room for a call, spelled in ASCII as it is."""
    return len(json.dumps(call)) <= _LONGEST_CALL


def _folder_of(path: str) -> str:
    """The folder that holds a path, quoted for the shell."""
    return shlex.quote(path.rpartition("/")[0] or ".")


def _in_turns(calls: Iterable[Block]) -> list[list[Block]]:
    """Calls packed into turns that a reply has room for."""
    turns: list[list[Block]] = []
    size = _TURN_SIZE
    for call in calls:
        length = len(json.dumps(call))
        if size + length > _TURN_SIZE:
            turns.append([])
            size = 0
        turns[-1].append(call)
        size += length
    return turns


def _refused(message: Mapping[str, Any]) -> str:
    """The first refusal among a message's tool results, empty if there is none."""
    refusals = (str(block["content"])[:500] for block in message["content"] if block.get("is_error"))
    return next(refusals, "")


def _one_per_words(steps: Sequence[_Step]) -> list[_Step]:
    return list({step.words: step for step in steps}.values())


def _longest_word(subject: str) -> str:
    return max(re.findall(r"[A-Za-z]+", subject) or ["the"], key=len)


def _evidence(changes: Sequence[TreeChange]) -> list[str]:
    """Commands that show that the first few paths are as planned."""
    commands: list[str] = []
    for change in changes[:_EVIDENCE_PATHS]:
        quoted = shlex.quote(change.path)
        there = f"test -e {quoted} || test -L {quoted}"
        commands.append(there if change.new_oid else f"! test -f {quoted}")
    return commands
