"""Every tool as the model meets it: through the toolbox."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.ids import BeadId, PolecatName
from gastown_desktop.core.secrets import Secret, Secrets
from gastown_desktop.engine.process_ports import Confinement
from gastown_desktop.engine.tools.toolbox import DEFINITIONS, TOOLS, action_of, call
from gastown_desktop.engine.tools.workbench import Question, Submission, Workbench
from tests.fakes.slots import Answer, FakeSandbox, MemoryFiles, Ran, said


def workbench(answer: Answer = lambda _: said(), **files: bytes) -> Any:
    """A bench whose parts a test can look into."""
    bench: Any = Workbench(
        polecat=PolecatName("Nux"),
        bead=BeadId("gt-a"),
        files=MemoryFiles(**{name.replace("_", "."): data for name, data in files.items()}),
        sandbox=FakeSandbox(answer),
        confinement=Confinement(slot=Path("/slot"), seen_at=Path("/seen")),
        accept=accepts,
    )
    return bench


async def accepts(submission: Submission) -> None:
    del submission


async def refused(name: str, bench: Any, **given: Any) -> str:
    with pytest.raises(ToolRefused) as refusal:
        await call(name, given, bench)
    return str(refusal.value)


# --- the toolbox ------------------------------------------------------------------------------------


def test_the_model_is_told_the_tools_in_a_fixed_order() -> None:
    names = [definition["name"] for definition in DEFINITIONS]
    assert names == ["read", "edit", "write", "search", "bash", "plan", "note", "ask", "submit"]
    assert json.dumps(DEFINITIONS) == json.dumps(DEFINITIONS)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_schema_takes_no_other_fields_and_requires_known_ones(tool: Any) -> None:
    assert tool.schema["additionalProperties"] is False
    assert set(tool.schema["required"]) <= set(tool.schema["properties"])


async def test_an_unknown_tool_is_refused_with_those_that_are() -> None:
    assert "the tools are read, edit" in await refused("launch", workbench())


async def test_an_input_that_was_no_json_is_asked_for_again() -> None:
    assert "not a JSON object" in await refused("read", workbench(), malformed='{"path": ')


async def test_a_field_that_a_tool_does_not_take_is_named() -> None:
    assert await refused("read", workbench(), path="a", mode="x") == "read does not take mode."


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
async def test_what_is_required_is_required(tool: Any) -> None:
    assert "must be" in await refused(tool.name, workbench(a_py=b""))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(TOOLS), st.data())
async def test_whatever_the_model_sends_it_is_answered_or_refused(tool: Any, data: st.DataObject) -> None:
    given_ = {name: data.draw(JSON) for name in tool.schema["properties"] if data.draw(st.booleans())}
    assert isinstance(action_of(tool.name, given_), str)
    try:
        assert isinstance(await call(tool.name, given_, workbench(a_py=b"x\n")), str)
    except ToolRefused:
        return


@pytest.mark.parametrize(
    ("name", "given_", "words"),
    [
        ("read", {"path": "a.py"}, "Reading a.py"),
        ("edit", {"path": "a.py"}, "Editing a.py"),
        ("write", {"path": "a.py"}, "Writing a.py"),
        ("search", {"pattern": "def"}, "Searching for def"),
        ("bash", {"command": "  make\nmore"}, "Running make"),
        ("bash", {"command": "x" * 100}, "Running " + "x" * 60),
        ("bash", {}, "Running a command"),
        ("plan", {}, "Planning"),
        ("note", {}, "Taking a note"),
        ("ask", {}, "Asking you"),
        ("submit", {}, "Submitting"),
        ("launch", {}, "Calling launch"),
    ],
)
def test_a_card_says_what_a_worker_does(name: str, given_: dict[str, Any], words: str) -> None:
    assert action_of(name, given_) == words


# --- read -------------------------------------------------------------------------------------------


async def test_reading_numbers_the_lines() -> None:
    assert await call("read", {"path": "a.py"}, workbench(a_py=b"one\ntwo")) == "1\tone\n2\ttwo"


async def test_reading_starts_and_stops_where_asked() -> None:
    bench = workbench(a_py=b"\n".join(b"%d" % number for number in range(1, 101)))
    assert await call("read", {"path": "a.py", "offset": 99, "limit": 5}, bench) == "99\t99\n100\t100"
    assert await call("read", {"path": "a.py", "offset": 200}, bench) == "(no lines there)"
    assert await call("read", {"path": "a.py", "offset": -5, "limit": 0}, bench) == "1\t1"


async def test_a_file_of_millions_of_lines_is_not_taken_apart() -> None:
    bench = workbench(a_py=b"\n" * 3_000_000)
    tracemalloc.start()
    try:
        text = await call("read", {"path": "a.py", "offset": 2_999_999, "limit": 9}, bench)
        assert text == "2999999\t\n3000000\t\n3000001\t"
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


async def test_numbers_beyond_all_lines_are_no_error() -> None:
    assert await call("read", {"path": "a.py", "limit": 10**30}, workbench(a_py=b"one")) == "1\tone"
    assert (
        await call("read", {"path": "a.py", "offset": 10**30}, workbench(a_py=b"one")) == "(no lines there)"
    )


async def test_reading_never_shows_more_than_it_says() -> None:
    bench = workbench(a_py=b"x\n" * 5_000, b_py=b"y" * 100_000)
    assert (await call("read", {"path": "a.py", "limit": 9_999}, bench)).count("\n") == 1_999
    long = await call("read", {"path": "b.py"}, bench)
    assert len(long) < 61_000
    assert long.endswith("read on with `offset`.")


async def test_a_binary_file_is_not_shown() -> None:
    bench = workbench(a_py=b"\x7fELF\0\0")
    assert "binary (6 bytes)" in await refused("read", bench, path="a.py")
    assert bench.read_paths == set()


async def test_text_that_is_no_utf8_is_shown_as_far_as_it_is() -> None:
    assert await call("read", {"path": "a.py"}, workbench(a_py=b"caf\xe9")) == "1\tcaf\ufffd"


@pytest.mark.parametrize("wrong", ["1", 1.5, True, None, [1]])
async def test_a_line_number_is_a_whole_number(wrong: object) -> None:
    assert "whole number" in await refused("read", workbench(a_py=b""), path="a.py", offset=wrong)


# --- edit -------------------------------------------------------------------------------------------


async def edited(before: bytes, old: str, new: str) -> Any:
    bench = workbench(a_py=before)
    await call("read", {"path": "a.py"}, bench)
    await call("edit", {"path": "a.py", "old": old, "new": new}, bench)
    return bench.files.files["a.py"]


async def test_an_edit_replaces_the_one_occurrence() -> None:
    assert await edited(b"a = 1\r\nb = 2\r\n", "b = 2", "b = 3") == b"a = 1\r\nb = 3\r\n"
    assert await edited("é = ﷺ\n".encode(), "ﷺ", "") == "é = \n".encode()


async def test_a_file_is_read_before_it_is_edited() -> None:
    assert await refused("edit", workbench(a_py=b"x"), path="a.py", old="x", new="y") == (
        "Read a.py before you edit it."
    )


@pytest.mark.parametrize(
    ("old", "why"),
    [
        ("", "use `write`"),
        ("x = 1", "occurs 2 times"),
        ("    retrun y", "nearest place is at line 3:\nx = 1\nx = 1\n    return y"),
        ("quite different text", "does not occur in a.py."),
        ("\n\n\n", "does not occur in a.py."),
    ],
)
async def test_an_edit_that_does_not_fit_says_why(old: str, why: str) -> None:
    bench = workbench(a_py=b"x = 1\nx = 1\n    return y\n")
    await call("read", {"path": "a.py"}, bench)
    assert why in await refused("edit", bench, path="a.py", old=old, new="z")
    assert bench.files.files["a.py"] == b"x = 1\nx = 1\n    return y\n"


async def test_the_place_nearest_to_an_edit_is_found_among_endless_lines() -> None:
    """A line of thousands of characters is compared by its beginning, and shown so."""
    line = "".join(chr(0x100 + number * 7 % 150) for number in range(20_000))
    bench = workbench(a_py="\n".join(line[at:] + line[:at] for at in range(50)).encode())
    await call("read", {"path": "a.py"}, bench)
    told = await refused("edit", bench, path="a.py", old=line[3:] + "x", new="z")
    assert "nearest place is at line 4" in told
    assert len(told) < 3_000


async def test_what_is_no_utf8_is_not_edited() -> None:
    bench = workbench(a_py=b"caf\xe9")
    await call("read", {"path": "a.py"}, bench)
    assert "not UTF-8" in await refused("edit", bench, path="a.py", old="caf", new="tea")


@pytest.mark.parametrize("name", ["old", "new", "path"])
async def test_half_a_surrogate_pair_is_refused(name: str) -> None:
    bench = workbench(a_py=b"x")
    await call("read", {"path": "a.py"}, bench)
    assert "surrogate" in await refused(
        "edit", bench, **{"path": "a.py", "old": "x", "new": "y", name: "\ud800"}
    )


# --- write ------------------------------------------------------------------------------------------


async def test_a_file_that_was_written_may_be_edited() -> None:
    bench = workbench()
    assert (
        await call("write", {"path": "new.py", "content": "é = 1\n"}, bench) == "new.py is written (7 bytes)."
    )
    await call("edit", {"path": "new.py", "old": "1", "new": "2"}, bench)
    assert bench.files.files["new.py"] == "é = 2\n".encode()


async def test_bytes_that_are_no_utf8_are_written_as_they_were_read() -> None:
    bench = workbench()
    await call("write", {"path": "a.py", "content": "caf\udce9"}, bench)
    assert bench.files.files["a.py"] == b"caf\xe9"


async def test_half_a_surrogate_pair_is_not_written() -> None:
    assert "surrogate" in await refused("write", workbench(), path="a.py", content="\ud83d")


# --- search and bash --------------------------------------------------------------------------------


async def test_a_search_runs_in_the_sandbox_with_its_words_quoted() -> None:
    bench = workbench(lambda _: said("a.py:1:x\n"))
    assert await call("search", {"pattern": "x'; rm -rf /", "path": "a b"}, bench) == "a.py:1:x"
    (ran,) = bench.sandbox.ran
    assert """-e 'x'"'"'; rm -rf /' -- 'a b'""" in ran.command
    assert not ran.in_shell


async def test_a_search_says_when_it_found_nothing() -> None:
    assert await call("search", {"pattern": "x"}, workbench()) == "(nothing found)"


async def test_a_search_that_takes_too_long_is_to_be_narrowed() -> None:
    assert "narrow it" in await refused("search", workbench(lambda _: said(timed_out=True)), pattern="x")


@pytest.mark.parametrize(("name", "field"), [("search", "pattern"), ("search", "path"), ("bash", "command")])
@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_what_no_command_line_can_hold_is_refused(name: str, field: str, text: str) -> None:
    bench = workbench()
    await refused(name, bench, **{"pattern": "x", field: text} if name == "search" else {field: text})
    assert bench.sandbox.ran == []


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (said("fine\n"), "fine\n"),
        (said(""), "(no output)"),
        (said("bad\n", 3), "bad\n\n(exit status 3)"),
        (said("slow", -9, timed_out=True), "slow\n(stopped after 120 s; the shell was restarted)"),
    ],
)
async def test_a_command_shows_its_output_and_how_it_ended(result: Any, text: str) -> None:
    assert await call("bash", {"command": "make"}, workbench(lambda _: result)) == text


@pytest.mark.parametrize(("asked", "granted"), [(5, 5.0), (0, 1.0), (-1, 1.0), (10_000, 600.0)])
async def test_a_command_gets_one_second_to_ten_minutes(asked: int, granted: float) -> None:
    bench = workbench()
    await call("bash", {"command": "make", "timeout_s": asked}, bench)
    assert bench.sandbox.ran == [Ran("make", granted, in_shell=True)]


async def test_commands_share_one_shell_until_the_bench_is_closed() -> None:
    bench = workbench()
    await call("bash", {"command": "cd src"}, bench)
    await call("bash", {"command": "ls"}, bench)
    assert len(bench.sandbox.shells) == 1
    await bench.close()
    assert bench.sandbox.shells[0].closed
    await bench.close()
    await call("bash", {"command": "ls"}, bench)
    assert len(bench.sandbox.shells) == 2


# --- plan, note, ask, submit ------------------------------------------------------------------------


async def test_a_plan_drives_the_step_bar() -> None:
    bench = workbench()
    steps = [{"text": "Read", "done": True}, {"text": "Write", "done": False}]
    assert await call("plan", {"steps": steps}, bench) == "1 of 2 steps are done."
    assert bench.steps == [("Read", True), ("Write", False)]
    await call("plan", {"steps": steps[:1]}, bench)
    assert bench.steps == [("Read", True)]


async def test_a_plan_has_twenty_steps_at_most() -> None:
    bench = workbench()
    await call("plan", {"steps": [{"text": f"{n}", "done": False} for n in range(50)]}, bench)
    assert len(bench.steps) == 20


@pytest.mark.parametrize(
    "steps",
    ["Read", {}, ["Read"], [{"text": "x"}], [{"text": 1, "done": True}], [{"text": "x", "done": "yes"}]],
)
async def test_a_plan_that_is_none_changes_nothing(steps: object) -> None:
    bench = workbench()
    bench.steps = [("Read", True)]
    await refused("plan", bench, steps=steps)
    assert bench.steps == [("Read", True)]


async def test_notes_are_kept_in_order() -> None:
    bench = workbench()
    for text in ("a", "b"):
        assert await call("note", {"text": text}, bench) == "Noted."
    assert bench.notes == ["a", "b"]


async def test_a_question_is_left_for_the_user() -> None:
    bench = workbench()
    await call("ask", {"question": "Which?", "options": ["x", "y"], "default": "x"}, bench)
    assert bench.question == Question("Which?", ("x", "y"), "x")
    assert "is empty" in await refused("ask", bench, question=" \n")
    await call("ask", {"question": "Really?"}, bench)
    assert bench.question == Question("Really?", (), None)


@pytest.mark.parametrize("options", ["x", [1], [["x"]], {}])
async def test_options_are_a_list_of_texts(options: object) -> None:
    bench = workbench()
    assert "list of strings" in await refused("ask", bench, question="?", options=options)
    assert bench.question is None


async def test_work_that_is_accepted_is_submitted() -> None:
    seen: list[Submission] = []

    async def accept(submission: Submission) -> None:
        assert bench.submission is None
        seen.append(submission)

    bench = workbench()
    bench.accept = accept
    assert await call("submit", {"summary": "Done", "evidence": ["make test"]}, bench) == "Submitted."
    assert [bench.submission] == seen == [Submission("Done", ("make test",))]


async def test_work_that_is_not_accepted_is_not_submitted() -> None:
    async def accept(submission: Submission) -> None:
        raise ToolRefused("The evidence is red.")

    bench = workbench()
    bench.accept = accept
    assert await refused("submit", bench, summary="Done") == "The evidence is red."
    assert bench.submission is None


# --- secrets at a cut -------------------------------------------------------------------------------

VALUE = "pq-LIVE-8f3a9c2e7d1b4a6f5e0d"


async def test_a_secret_that_the_end_of_what_is_read_parts_is_masked() -> None:
    bench = workbench(a_py=b"." * (60_000 - 2 - len(VALUE) + 2) + VALUE.encode() + b"\n")
    text = Secrets([Secret("P", VALUE)]).masked(await call("read", {"path": "a.py"}, bench))
    assert text.endswith(".‹secret:P›\n… cut here; read on with `offset`.")


async def test_a_secret_that_the_end_of_the_nearest_place_parts_is_masked() -> None:
    line = "def here():" + "." * (2_000 - 11 - len(VALUE) + 2) + VALUE
    bench = workbench(a_py=f"{line}\n".encode())
    bench.read_paths.add("a.py")
    words = await refused("edit", bench, path="a.py", old=f"{line[:100]}!", new="")
    assert Secrets([Secret("P", VALUE)]).masked(words).endswith(".‹secret:P›\n… cut here.")
