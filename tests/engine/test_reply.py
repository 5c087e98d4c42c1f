"""Replies as they are put together from a stream."""

from __future__ import annotations

import json

import pytest

from gastown_desktop.engine.reply import ReplyAssembler


def heard_input(text: str) -> object:
    """What a tool call's input is taken for that came as this text."""
    assembler = ReplyAssembler(lambda _: None)
    block = {"type": "tool_use", "id": "t", "name": "bash", "input": {}}
    assembler.take({"type": "content_block_start", "index": 0, "content_block": block})
    delta = {"type": "input_json_delta", "partial_json": text}
    assembler.take({"type": "content_block_delta", "index": 0, "delta": delta})
    assembler.take({"type": "content_block_stop", "index": 0})
    return assembler.reply(0).content[0]["input"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1e999}',
        '{"a": -1e999}',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": ',
        "[1]",
        "[" * 200_000,
        '{"a": ' + "[" * 300 + "]" * 300 + "}",
    ],
)
def test_an_input_that_could_not_be_sent_back_is_for_the_tool_to_refuse(text: str) -> None:
    assert heard_input(text) == {"malformed": text}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": ' + "[" * 40 + "{}" + "]" * 40 + "}",
        '{"b": 1.5, "a": [-0.0, 1e2]}',
        '{"n": 12345678901234567890}',
        "{}",
    ],
)
def test_an_input_is_taken_as_it_came(text: str) -> None:
    assert json.dumps(heard_input(text)) == json.dumps(json.loads(text))
