"""Work in which conversations go every way they can: cut, cleared, full, in circles, red, and in conflict.

The Mayor plans beads named after their kind; what Mayor and workers say is a function of their request alone,
so that a conversation that is taken up again goes on as it would have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.builders import RepositoryBuilder
from tests.e2e.real_work import GATE, KEY

MODEL = "claude-haiku-5-5"
"""Its conversations are cleared from 60,000 tokens and begin afresh at 90,000."""
KINDS = ("plain", "odd", "long", "full", "cut", "circles", "red", "meet")
_CHECK = """import glob
for name in sorted(glob.glob("*.py")):
    if name != "check.py":
        exec(open(name).read())
"""
_LINES = 4_000
_PIECE = 700
"""Lines of the long file that make some 5,000 tokens."""
_LONG_TURNS = 18
_MAYOR_LOOKS = 15
_SAME = 4
"""Calls that are one and the same until a worker is told so."""
_FRESH = ("what was said is cleared", "The talk became too long")
"""How a context that begins afresh is known."""


def make_repository(folder: Path, beads: int) -> Path:
    """A repository with a module for each bead, a file that some beads share, and a long text."""
    repo = RepositoryBuilder(folder)
    repo.write("check.py", _CHECK).write("shared.py", "total = 0\n")
    repo.write("big.txt", "".join(f"line {number} of a long file\n" for number in range(_LINES)))
    for number in range(1, beads + 1):
        repo.write(f"m{number}.py", f"value = {number}\n")
    repo.commit("Start")
    return repo.folder


def goal(beads: int, kinds: tuple[str, ...] = KINDS, *, long_look: bool = False) -> str:
    """What the user says, from which the scripted Mayor knows what to plan."""
    return f"Plan {beads} beads of {','.join(kinds)}{' after a long look' if long_look else ''}."


def script() -> dict[str, Any]:
    """The script of the server."""
    planned = r"Plan (?P<beads>\d+) beads of (?P<kinds>[\w,]+)(?P<look> after a long look)?"
    worked = r"Title: (?P<resolve>Resolve: )?Do (?P<kind>\w+) (?P<number>\d+)$"
    mayor = {"tool": "propose_convoy", "first_user": planned}
    return {
        "keys": {KEY: {}},
        "rules": [
            {"role": "mayor", "when": mayor, "python": "tests.e2e.hard_work:mayor"},
            {"role": "polecat", "when": {"first_user": worked}, "python": "tests.e2e.hard_work:worker"},
        ],
    }


def mayor(request: dict[str, Any], groups: dict[str, str]) -> dict[str, Any]:
    """Looks, perhaps for so long that its context is cleared and begins afresh; then plans, at length."""
    done, fresh = _done(request), _is_fresh(request)
    if groups["look"] and not fresh and done <= _MAYOR_LOOKS:
        looks = 9 if done == _MAYOR_LOOKS else 1
        return {
            "calls": [_call("read", path="big.txt", start=done * 9 + at, count=900) for at in range(looks)]
        }
    planned = sum("propose_convoy" in str(message["content"]) for message in request["messages"])
    if planned:
        return {"text": "The plan stands."}
    kinds = groups["kinds"].split(",")
    beads = [_bead(number, kinds[(number - 1) % len(kinds)]) for number in range(1, int(groups["beads"]) + 1)]
    # longer than a first reply may be: it is asked for again with more room
    return {"calls": [_call("propose_convoy", title="All kinds", beads=beads)], "output_tokens": 12_000}


def worker(request: dict[str, Any], groups: dict[str, str]) -> dict[str, Any]:
    """What a worker says next, from what it did so far in this conversation."""
    done, number = _done(request), int(groups["number"])
    if groups["resolve"]:
        mend = "sed -i -e '/^<<<<<<< /d' -e '/^=======$/d' -e '/^>>>>>>> /d' shared.py"
        return (_said(_call("bash", command=mend)), _submit("Both."))[min(done, 1)]
    return _OF_KIND[groups["kind"]](done, number, _is_fresh(request))


def _plain(done: int, number: int, _fresh: bool) -> dict[str, Any]:
    steps = [{"done": False, "text": "append"}]  # in another order than the alphabet's
    turns = (
        _said(_call("read", path=f"m{number}.py"), _call("plan", steps=steps)),
        _said(_append(number, "plain"), _call("note", text="It is appended.")),
        _submit("Plain."),
    )
    return turns[min(done, 2)]


def _odd(done: int, number: int, _fresh: bool) -> dict[str, Any]:
    """Replies that have to go back otherwise than they came, or hold what is hard to keep."""
    turns = (
        {"text": "I think about it: \ufdfa é 🚂."},
        {"text": ""},
        _raw("write", f'{{"text": "half \\ud83d", "path": "n{number}.txt"}}'),
        _raw("bash", '{"command": "cut'),
        _raw("bash", '{"command": "true", "timeout_s": 1e999}'),
        _raw("bash", '{"timeout_s": 1e2, "command": "printf \\u0000 1"}'),
        _said(_call("no_such_tool", z=1.50, a={"y": None, "b": [True, -0.0]}), _call("read", path="no/such")),
        _said(_append(number, "odd")),
        _submit("Odd."),
    )
    return turns[min(done, len(turns) - 1)]


def _long(done: int, number: int, _fresh: bool) -> dict[str, Any]:
    if done >= _LONG_TURNS:
        return _submit("Long.")
    first = 1 + done * 100
    command = f"sed -n {first},{first + _PIECE}p big.txt; echo '# {done}' >> m{number}.py"
    return _said(_call("bash", command=command))


def _full(done: int, number: int, fresh: bool) -> dict[str, Any]:
    if fresh:
        return (_said(_append(number, "full")), _submit("Full."))[min(done, 1)]
    if done:
        return _said(*(_call("bash", command=f"cat big.txt # {at}") for at in range(12)))
    return _said(_call("note", text="It will be a lot."), _append(number, "begun"))


def _cut(done: int, number: int, _fresh: bool) -> dict[str, Any]:
    turns = (
        {**_said(_append(number, "cut")), "output_tokens": 9_000},
        {**_said(_append(number, "too long")), "output_tokens": 20_000},
        _said(_append(number, "short")),
        _submit("Cut."),
    )
    return turns[min(done, 3)]


def _circles(done: int, number: int, fresh: bool) -> dict[str, Any]:
    if fresh:
        return (_said(_append(number, "circles")), _submit("Out of them."))[min(done, 1)]
    return _said(_call("bash", command="echo the same"))


def _red(done: int, number: int, _fresh: bool) -> dict[str, Any]:
    broken = f"echo 'broken = 1 / 0' >> m{number}.py"
    turns = (
        _said(_call("bash", command=broken)),
        _call_of_submit("Red.", []),
        _said(_call("bash", command=f"sed -i '/broken/d' m{number}.py"), _append(number, "green")),
        _submit("Green."),
    )
    return turns[min(done, 3)]


def _meet(done: int, number: int, _fresh: bool) -> dict[str, Any]:
    append = f"echo 'total += {number}' >> shared.py"
    return (_said(_call("bash", command=append)), _submit("Met."))[min(done, 1)]


_OF_KIND = {
    "plain": _plain,
    "odd": _odd,
    "long": _long,
    "full": _full,
    "cut": _cut,
    "circles": _circles,
    "red": _red,
    "meet": _meet,
}


def _done(request: dict[str, Any]) -> int:
    return sum(message["role"] == "assistant" for message in request["messages"])


def _is_fresh(request: dict[str, Any]) -> bool:
    opening = str(request["messages"][0]["content"])
    return any(words in opening for words in _FRESH)


def _bead(number: int, kind: str) -> dict[str, Any]:
    return {
        "key": f"b{number}",
        "title": f"Do {kind} {number}",
        "description": f"What {kind} work does.",
        "acceptance": "check.py passes.",
        "files": [f"m{number}.py"],
        "new_files": [],
        "size": "S",
        "why_large": None,
        "kind": "task",
        "priority": 2,
        "after": [],
    }


def _append(number: int, words: str) -> dict[str, Any]:
    return _call("bash", command=f"echo 'value += 1  # {words}' >> m{number}.py")


def _submit(summary: str) -> dict[str, Any]:
    return _call_of_submit(summary, [GATE])


def _call_of_submit(summary: str, evidence: list[str]) -> dict[str, Any]:
    return _said(_call("submit", summary=summary, evidence=evidence))


def _raw(name: str, given: str) -> dict[str, Any]:
    """A call whose input is sent as it stands."""
    return {"calls": [_call(name)], "raw_json": given}


def _said(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"text": "On with it.", "calls": list(calls)}


def _call(name: str, **given: Any) -> dict[str, Any]:
    return {"name": name, "input": given}
