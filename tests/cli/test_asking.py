"""Questions at the terminal."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TextIO

import pytest

from gastown_desktop.cli.asking import Unanswered, ask_line, ask_yes
from gastown_desktop.core.errors import Refused


@pytest.fixture
def keyboard() -> Iterator[TextIO]:
    """What is written to it is read from standard input."""
    before = os.dup(0)
    end, begin = os.pipe()
    os.dup2(end, 0)
    os.close(end)
    file = os.fdopen(begin, "w")
    try:
        yield file
    finally:
        with suppress(OSError):
            file.close()
        for thread in threading.enumerate():
            if thread.name == "answer":
                thread.join(5)
        os.dup2(before, 0)
        os.close(before)


def types(keyboard: TextIO, text: str) -> None:
    keyboard.write(text)
    keyboard.flush()


@pytest.mark.parametrize("answer", ["y", "YES", " yes "])
async def test_a_yes_lets_it_be_done(keyboard: TextIO, answer: str) -> None:
    types(keyboard, f"{answer}\n")
    await ask_yes("Do it?")


@pytest.mark.parametrize("answer", ["n", "", "yesterday", "\xff"])
async def test_anything_else_is_a_no(keyboard: TextIO, answer: str) -> None:
    types(keyboard, f"{answer}\n")
    with pytest.raises(Refused, match="You said no"):
        await ask_yes("Do it?")


async def test_the_end_of_the_input_is_a_no(keyboard: TextIO) -> None:
    keyboard.close()
    with pytest.raises(Refused, match="You said no"):
        await ask_yes("Do it?")


async def test_each_question_takes_one_line_and_is_shown_on_standard_error(
    keyboard: TextIO, capsys: pytest.CaptureFixture[str]
) -> None:
    types(keyboard, "one\ntwo\n")
    assert [await ask_line("First?"), await ask_line("Second?")] == ["one", "two"]
    assert capsys.readouterr() == ("", "First? Second? ")


async def test_an_interrupt_ends_it_at_once_and_nothing_is_changed(keyboard: TextIO) -> None:
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(is_interrupted())
        await asyncio.sleep(0.05)
        asking.cancel()
        async with asyncio.timeout(1):
            assert await asking
    assert not keyboard.closed


async def is_interrupted() -> bool:
    try:
        await ask_yes("Do it?")
    except Unanswered as unanswered:
        return unanswered.safe == "Nothing was changed."
    return False
