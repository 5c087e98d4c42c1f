"""One polecat on a real hook; what its model says is a script."""

from __future__ import annotations

from typing import Any

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.errors import ModelError
from gastown_desktop.core.ids import BeadId, PolecatName
from gastown_desktop.engine.hooks import Assignment, Hook
from gastown_desktop.engine.polecat import Outcome, Polecat
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.telling import slung_event
from tests.fakes.provider import MODEL
from tests.fakes.town import FakeTown, Said, found_town, use

BEAD, NUX = BeadId("gt-a"), PolecatName("Nux")
Step = Said | BaseException
WRITES = use("write", path="new.txt", content="new\n")


async def town_with_a_bead(objects: PygitObjects) -> FakeTown:
    """A town whose one bead nobody works on yet."""
    town = await found_town(objects)
    await town.add(BEAD)
    return town


def script(town: FakeTown, *steps: Step) -> None:
    """What the model says, request by request; then it has nothing more to say."""
    left = list(steps)

    async def answer(request: ModelRequest) -> Said:
        step = left.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step

    town.model.answer = answer


async def hung(town: FakeTown, **fields: Any) -> Hook:
    """The bead on Nux's hook, and told so."""
    assignment = Assignment(
        polecat=NUX,
        bead=BEAD,
        base=fields.pop("base", town.base),
        branch="refs/heads/work/Nux/gt-a-1",
        epoch=1,
        model=MODEL,
        **fields,
    )
    hook = await town.kit.hooks.hang(assignment)
    await town.bus.publish(slung_event(town.kit, assignment))
    return hook


async def work(town: FakeTown, *steps: Step) -> Outcome:
    script(town, *steps)
    return await Polecat(town.kit, await hung(town)).work()


def overloaded() -> ModelError:
    return ModelError("overloaded", retry_after=2.0, unbilled=True, status=529)


def told_the_model(town: FakeTown) -> str:
    """The last message that the model was sent."""
    return str(town.model.requests[-1].messages[-1]["content"])


async def hook_of(town: FakeTown) -> Hook:
    (hook,) = await town.kit.hooks.load_all()
    return hook
