"""Real work for tests: a repository of modules, a plan that changes each, and a scripted model that does it.

The model is `tests.messages_api` in a process of its own; what a worker says is a function of its request
alone, so that a conversation that is taken up again goes on as it would have.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.builders import RepositoryBuilder

KEY = "sk-test-soak-0000000000"
GATE = "python3 check.py"
MODELS = ("claude-opus-5-5", "claude-fable-5-2", "claude-sonnet-5-5", "claude-haiku-5-5")
_CHECK = """import glob
for name in sorted(glob.glob("m*.py")):
    exec(open(name).read())
"""
_BIG_LINES = 4_000
"""Lines of a file that fills a long prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much the scripted model does on each bead."""

    turns: int = 5
    """Least number of turns before it hands in."""
    spread: int = 3
    """Up to so many more, by bead."""
    output_tokens: int = 300
    """Typical reply, hidden thought included."""
    long_prompts: bool = False
    """Some workers read so much at once that the prompt passes 100,000 tokens."""


def make_repository(folder: Path, modules: int, *, long_prompts: bool = False) -> RepositoryBuilder:
    """A repository of that many modules, and a check that runs them all."""
    repo = RepositoryBuilder(folder)
    repo.write("check.py", _CHECK)
    for number in range(1, modules + 1):
        repo.write(f"m{number}.py", f"value = {number}\n")
    if long_prompts:
        repo.write("big.txt", "".join(f"line {number} of a long file\n" for number in range(_BIG_LINES)))
    repo.commit("Start")
    return repo


def write_beads(file: Path, beads: int, modules: int) -> None:
    """A plan in the form of `bd`: each bead changes one module; several may share one, then they wait."""
    lines: list[str] = []
    for number in range(1, beads + 1):
        module = (number - 1) % modules + 1
        waits = [{"depends_on_id": f"t-{number - modules}", "type": "blocks"}] if number > modules else []
        fields = {
            "id": f"t-{number}",
            "title": f"Change m{module} step {number}",
            "description": f"Append step {number}.",
            "acceptance_criteria": "check.py passes.",
            "status": "open",
            "priority": 2,
            "issue_type": "task",
            "dependencies": waits,
        }
        lines.append(json.dumps(fields))
    file.write_text("\n".join(lines) + "\n")


def script(shape: Shape) -> dict[str, Any]:
    """The script of the server: every worker does its bead as `shape` has it."""
    values = f"{shape.turns},{shape.spread},{shape.output_tokens},{int(shape.long_prompts)}"
    when = {"first_user": r"Title: Change m(?P<module>\d+) step (?P<step>\d+)(?P<shape>)"}
    return {
        "keys": {KEY: {}},
        "rules": [{"role": "polecat", "when": when, "python": f"tests.e2e.real_work:worker_{_name(values)}"}],
    }


def _name(values: str) -> str:
    return values.replace(",", "_")


def __getattr__(name: str) -> Any:
    """`worker_5_3_300_0`: the function of a shape, so that a script can name it."""
    found = re.fullmatch(r"worker_(\d+)_(\d+)_(\d+)_(\d)", name)
    if found is None:
        raise AttributeError(name)
    turns, spread, output, long_prompts = map(int, found.groups())
    shape = Shape(turns=turns, spread=spread, output_tokens=output, long_prompts=bool(long_prompts))
    return lambda request, groups: worker_turn(request, groups, shape)


def worker_turn(request: dict[str, Any], groups: dict[str, str], shape: Shape) -> dict[str, Any]:
    """What a worker says next, from what it did so far in this conversation."""
    module, step = groups["module"], groups["step"]
    done = sum(message["role"] == "assistant" for message in request["messages"])
    last = shape.turns + _draw(step, "turns") % (shape.spread + 1)
    tokens = shape.output_tokens * (50 + _draw(step, f"tokens {done}") % 101) // 100
    turn = _calls(request, module, step, done, last, shape)
    return {"text": f"Turn {done}.", "output_tokens": tokens, **turn}


def _calls(
    request: dict[str, Any], module: str, step: str, done: int, last: int, shape: Shape
) -> dict[str, Any]:
    path = f"m{module}.py"
    if done == 0:
        return {"calls": [_call("read", path=path), _call("plan", steps=[{"text": "append", "done": False}])]}
    if done == 1:
        append = f"grep -q 'step {step}$' {path} || echo 'value += 1  # step {step}' >> {path}"
        return {"calls": [_call("bash", command=append)]}
    if done >= last:
        return {"calls": [_call("submit", summary=f"Step {step}.", evidence=[GATE])]}
    if shape.long_prompts and int(step) % 3 == 0 and done == 2:
        return {"calls": [_call("bash", command=f"cat big.txt # {number}") for number in range(12)]}
    return {"calls": [_call("bash", command=f"echo look {done}; tail -n 3 {path}")]}


def _call(name: str, **given: Any) -> dict[str, Any]:
    return {"name": name, "input": given}


def _draw(*parts: str) -> int:
    return int.from_bytes(sha256(" ".join(parts).encode()).digest()[:4], "big")
