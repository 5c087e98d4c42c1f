"""What every role's tools have in common: how a model is told of them, and how a call finds its tool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol, TypeVar, cast

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.plain_text import one_line


class Described(Protocol):
    """A tool as a model is told of it."""

    name: ClassVar[str]
    description: ClassVar[str]
    schema: ClassVar[Mapping[str, object]]


_T = TypeVar("_T", bound=Described)


def definitions_of(tools: Iterable[Described], *, strict: Iterable[str]) -> tuple[Mapping[str, object], ...]:
    """Tools as a request carries them.

    Args:
        tools: in their fixed order.
        strict: names of those whose inputs the provider makes fit the schema; every value of such a schema
            has to be required.
    """
    held = frozenset(strict)
    return tuple(
        {
            "name": tool.name,
            "description": tool.description,
            **({"strict": True} if tool.name in held else {}),
            "input_schema": tool.schema,
        }
        for tool in tools
    )


def tool_called(tools: Mapping[str, _T], name: str, given: Mapping[str, Any]) -> _T:
    """The tool that a call names.

    Args:
        tools: by name.
        name: as the model wrote it.
        given: the call's input.

    Raises:
        ToolRefused: there is no such tool, or its input is malformed or says what nobody asked for.
    """
    tool = tools.get(name)
    if tool is None:
        raise ToolRefused(f"There is no tool {one_line(name)[:40]!r}; the tools are {', '.join(tools)}.")
    if "malformed" in given:
        raise ToolRefused("The call's input was not a JSON object; send it again.")
    unknown = set(given) - set(cast("Mapping[str, object]", tool.schema["properties"]))
    if unknown:
        raise ToolRefused(f"{name} does not take {', '.join(sorted(map(one_line, unknown)))}.")
    return tool
