"""A Mayor on a real repository, whose model says what a script says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import ConvoyId, Oid, RigId
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.core.prices import PRICES, cost
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.git_ports import REGULAR, GitObjects, Signature, TreeEntry
from gastown_desktop.engine.mayor import Mayor
from gastown_desktop.engine.rig import RefNames, Rig
from gastown_desktop.engine.spend_gate import Order, Reply
from tests.fakes.clock import FakeClock
from tests.fakes.stores import MemoryEventStore

MODEL = "claude-sonnet-5-5"
CONVOY = ConvoyId("cv-1")
WHERE: Any = {"rig": RigId("rig-1"), "convoy": CONVOY}
FILES = {
    "README.md": "# Things\n",
    "src/a.py": "def a():\n    return 1\n",
    "src/b.py": "def b():\n    return 2\n",
    "tests/test_a.py": "import a\n",
}
RIG = Rig(
    id=WHERE["rig"],
    checkout=Path("/home/ada/rig"),
    folder=Path("/data/rig"),
    town_git=Path("/data/rig/town.git"),
    prefix="gt",
    user_name="Ada",
    user_email="ada@example.org",
)

Block = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Says:
    """One reply of the model."""

    blocks: Sequence[Block]
    stop_reason: str
    prompt_tokens: int = 1_000
    output_tokens: int = 50


def says(text: str, stop_reason: str = "end_turn", **tokens: int) -> Says:
    """A reply without calls."""
    return Says(blocks=[{"type": "text", "text": text}], stop_reason=stop_reason, **tokens)


def uses(
    *calls: tuple[str, dict[str, Any]], text: str = "", stop_reason: str = "tool_use", **tokens: int
) -> Says:
    """A reply that calls tools."""
    said: list[Block] = [{"type": "text", "text": text}] if text else []
    said += [{"type": "tool_use", "name": name, "input": given} for name, given in calls]
    return Says(blocks=said, stop_reason=stop_reason, **tokens)


def bead(key: str, /, **fields: Any) -> dict[str, Any]:
    """A proposed bead that nothing is wrong with."""
    return {
        "key": key,
        "title": f"Do {key}",
        "description": f"What to do about {key}.",
        "acceptance": "`pytest` succeeds.",
        "files": [f"src/{key}.py"] if key in {"a", "b"} else [],
        "new_files": [] if key in {"a", "b"} else [f"src/{key}.py"],
        "size": "S",
        "why_large": None,
        "kind": "task",
        "priority": 2,
        "after": [],
        **fields,
    }


def proposes(*beads: dict[str, Any], title: str = "Two things", **more: Any) -> Says:
    """A reply that proposes a convoy."""
    return uses(("propose_convoy", {"title": title, "beads": list(beads)}), **more)


class Killed(BaseException):
    """The process ends here."""


class ScriptedModel:
    """What the Mayor asks: replies are used up one a request; an exception in the script is raised."""

    def __init__(self, *script: Says | Exception | Killed) -> None:
        self.script: list[Says | Exception | Killed] = list(script)
        self.orders: list[Order] = []

    async def ask(self, order: Order, on_text: Callable[[str], None]) -> Reply:
        self.orders.append(order)
        json.dumps([dict(one) for one in order.request.messages], ensure_ascii=False).encode()
        if not self.script:
            raise AssertionError("nobody expected another request")
        step = self.script.pop(0)
        if not isinstance(step, Says):
            raise step
        number = len(self.orders)
        content = [
            {"id": f"toolu_{number}_{at}", **block} if block["type"] == "tool_use" else dict(block)
            for at, block in enumerate(step.blocks)
        ]
        for block in content:
            on_text(str(block.get("text", "")))
        usage = Usage(input_tokens=step.prompt_tokens, output_tokens=step.output_tokens)
        return Reply(
            content=tuple(content),
            stop_reason=step.stop_reason,
            usage=usage,
            cost=NanoUsd(cost(PRICES[MODEL], usage)),
            request_id=f"msg_{number}",
        )


@dataclass(kw_only=True)
class Planner:
    """A Mayor and what it stands on."""

    objects: GitObjects
    base: Oid
    clock: FakeClock
    store: MemoryEventStore
    bus: Bus
    model: ScriptedModel
    mayor: Mayor
    told: list[ev.DurableEvent] = field(default_factory=list[ev.DurableEvent])
    """Durable events since this process began."""

    def kinds(self) -> list[str]:
        return [event.kind for event in self.told]

    def titles(self) -> list[str]:
        return [view.bead.title for view in self.bus.state.beads.values()]

    def last_results(self) -> list[dict[str, Any]]:
        """What the model was answered last."""
        content: Any = self.model.orders[-1].request.messages[-1]["content"]
        return [block for block in content if block["type"] == "tool_result"]

    def last_text(self) -> str:
        """What the model was told last, besides results."""
        content: Any = self.model.orders[-1].request.messages[-1]["content"]
        return "\n".join(block["text"] for block in content if block["type"] == "text")

    def restarted(self, *script: Says | Exception | Killed) -> Planner:
        """The next process on the same repository and history."""
        store = MemoryEventStore(self.store.lines())
        return assemble(self.objects, self.base, store, ScriptedModel(*script), self.clock)


async def commit_of(objects: GitObjects, files: dict[str, str | bytes], *parents: Oid) -> Oid:
    """A commit that holds exactly these files."""
    leaves = [
        TreeEntry(path, REGULAR, await objects.write_blob(text.encode() if isinstance(text, str) else text))
        for path, text in files.items()
    ]
    who = Signature("Ada", "ada@example.org", FakeClock().now())
    return await objects.write_commit(await objects.write_tree(leaves), parents, "Start\n", who, who)


def assemble(
    objects: GitObjects, base: Oid, store: MemoryEventStore, model: ScriptedModel, clock: FakeClock
) -> Planner:
    bus = Bus(store, clock)
    mayor = Mayor(
        bus=bus,
        objects=objects,
        refs=RefNames(CONVOY, rehearsal=False),
        rig=RIG,
        clock=clock,
        base=base,
        model=MODEL,
        price=PRICES[MODEL],
        scopes=("convoy:cv-1",),
        system=({"type": "text", "text": "The repository."}, {"type": "text", "text": "You are the Mayor."}),
        ask=model.ask,
        gates=("pytest -q",),
        prefix="gt",
    )
    planner = Planner(objects=objects, base=base, clock=clock, store=store, bus=bus, model=model, mayor=mayor)
    bus.listen(lambda event: planner.told.append(event.event) if isinstance(event, ev.Envelope) else None)
    return planner


async def found_planner(objects: GitObjects, *script: Says | Exception | Killed, **files: str) -> Planner:
    """A draft convoy without beads."""
    base = await commit_of(objects, {**FILES, **files})
    planner = assemble(objects, base, MemoryEventStore(), ScriptedModel(*script), FakeClock())
    created = ev.ConvoyCreated(**WHERE, title="New", base=base, target="refs/heads/main")
    await planner.bus.publish(created)
    return planner


def valid(messages: list[Any]) -> None:
    """What the API asks of messages: roles alternate, nothing is empty, every call is answered next."""
    assert [one["role"] for one in messages] == (["user", "assistant"] * len(messages))[: len(messages)]
    asked: list[str] = []
    for message in messages:
        blocks = message["content"]
        assert blocks
        assert all(block["type"] != "text" or block["text"] for block in blocks)
        if message["role"] == "user":
            answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
            assert answered == asked
            assert all(block["type"] == "tool_result" for block in blocks[: len(answered)])
        asked = [block["id"] for block in blocks if block["type"] == "tool_use"]


def sent(planner: Planner, at: int = -1) -> list[Any]:
    """The messages of a request."""
    return [dict(one) for one in planner.model.orders[at].request.messages]


async def planned(objects: GitObjects, *more: Says) -> Planner:
    """A plan of two beads, one after the other."""
    script = (proposes(bead("a"), bead("b", after=["a"])), says("Two beads."), *more)
    planner = await found_planner(objects, *script)
    assert await planner.mayor.say("Do two things.") == "planned"
    return planner
