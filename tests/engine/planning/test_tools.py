"""The Mayor's tools on a real repository; a model wrote their inputs, so these may be anything."""

from __future__ import annotations

import json
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, RigId
from gastown_desktop.core.plan import Ground, Plan
from gastown_desktop.core.secrets import Secret, Secrets
from gastown_desktop.engine.git_ports import GITLINK, REGULAR, SYMLINK, GitObjects, Signature, TreeEntry
from gastown_desktop.engine.looking.library import Library
from gastown_desktop.engine.looking.tools import is_test
from gastown_desktop.engine.planning.desk import Desk
from gastown_desktop.engine.planning.toolbox import DEFINITIONS, TOOLS, action_of, call
from tests.fakes.clock import START, FakeClock
from tests.fakes.planner import bead

BAD_NAME = "data/caf\udce9.txt"
EVIL_NAME = "src/\u202eevil\n.py"


async def base_of(objects: GitObjects) -> Oid:
    async def blob(text: str | bytes) -> Oid:
        return await objects.write_blob(text.encode() if isinstance(text, str) else text)

    leaves = [
        TreeEntry("README.md", REGULAR, await blob("# Things\r\nline two\r\n")),
        TreeEntry("src/a.py", REGULAR, await blob("import os\n\n\ndef greet(name):\n    return name\n")),
        TreeEntry("src/deep/b.py", REGULAR, await blob("from a import greet\n")),
        TreeEntry("src/deep/test_b.py", REGULAR, await blob("GREET = 1\n")),
        TreeEntry("tests/check.py", REGULAR, await blob("")),
        TreeEntry("logo.png", REGULAR, await blob(b"\x89PNG\0\1greet")),
        TreeEntry("long.txt", REGULAR, await blob("\n".join(f"line {n}" for n in range(1, 3_001)))),
        TreeEntry("wide.txt", REGULAR, await blob("x" * 500_000)),
        TreeEntry("huge.bin", REGULAR, await blob(b"g" * (2 * 1024 * 1024 + 1))),
        TreeEntry("passwd", SYMLINK, await blob("/etc/passwd")),
        TreeEntry("vendored", GITLINK, Oid("1" * 40)),
        TreeEntry(BAD_NAME, REGULAR, await blob("caf\n")),
        TreeEntry(EVIL_NAME, REGULAR, await blob("greet\x1b[31m\n")),
    ]
    who = Signature("Ada", "ada@example.org", START)
    first = await objects.write_commit(await objects.write_tree(leaves[:3]), (), "Start\u202e\n", who, who)
    return await objects.write_commit(await objects.write_tree(leaves), (first,), "More\n\nbody\n", who, who)


@pytest_asyncio.fixture
async def desk(objects: PygitObjects) -> Desk:
    library = Library(objects, await base_of(objects), FakeClock())
    return Desk(
        plan=Plan(rig=RigId("r"), convoy=ConvoyId("cv-1")),
        ground=Ground(paths=frozenset(await library.entries())),
        library=library,
        gates=("pytest -q\x1b",),
        prefix="gt",
        turn=2,
    )


async def refused(desk: Desk, name: str, **given: Any) -> str:
    with pytest.raises(ToolRefused) as why:
        await call(name, given, desk)
    return str(why.value)


# --- definitions ----------------------------------------------------------------------------------


def test_definitions_are_the_same_to_the_byte_and_schemas_are_strict() -> None:
    assert json.dumps(DEFINITIONS) == json.dumps(DEFINITIONS)
    assert [one["name"] for one in DEFINITIONS] == [tool.name for tool in TOOLS]
    for one in DEFINITIONS:
        for schema in objects_in(one["input_schema"]):
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"])


def objects_in(schema: Any) -> list[Any]:
    found = [schema] if schema.get("type") == "object" else []
    for part in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        found += objects_in(part)
    return found


# --- looking --------------------------------------------------------------------------------------


async def test_a_file_is_read_with_line_numbers_from_where_one_wants(desk: Desk) -> None:
    assert await call("read", {"path": "src/a.py", "start": 4, "count": 1}, desk) == (
        "4\tdef greet(name):\n(lines 4 to 4 of 5)"
    )
    whole = await call("read", {"path": "src/a.py", "start": 1, "count": 0}, desk)
    assert whole.splitlines()[0] == "1\timport os"
    assert "of 5" not in whole
    assert "(lines 1 to 400 of 3000)" in await call(
        "read", {"path": "long.txt", "start": 0, "count": -1}, desk
    )
    assert (
        await call("read", {"path": "src/a.py", "start": 99, "count": 1}, desk)
        == "(no lines there; the file has 5 lines)"
    )


async def test_what_is_read_is_cut(desk: Desk) -> None:
    assert len(await call("read", {"path": "wide.txt", "start": 1, "count": 5}, desk)) < 2_100
    assert len(await call("read", {"path": "long.txt", "start": 1, "count": 9_999}, desk)) < 41_000


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("passwd", "is a link to /etc/passwd; links are not followed"),
        ("vendored", "another repository"),
        ("logo.png", "binary"),
        ("huge.bin", "2,097,153 bytes"),
        ("src", "is a folder"),
        ("a.py", "Files of that name: src/a.py"),
        ("/etc/passwd", "no tracked file"),
        ("../x", "no tracked file"),
        ("passwd/x", "no tracked file"),
        ("x" * 500, "at most 400"),
        ("a\0b", "NUL"),
    ],
)
async def test_what_is_no_tracked_text_file_is_refused_by_name(desk: Desk, path: str, why: str) -> None:
    assert why in await refused(desk, "read", path=path, start=1, count=0)


async def test_a_name_that_is_no_utf8_is_read_as_it_is_shown(desk: Desk) -> None:
    listed = await call("list_files", {"folder": "data", "glob": None}, desk)
    assert listed == "data/caf\\xe9.txt"
    for path in (listed, BAD_NAME):
        assert await call("read", {"path": path, "start": 1, "count": 0}, desk) == "1\tcaf"


async def test_folders_are_listed_with_counts_and_files_by_pattern(desk: Desk) -> None:
    top = (await call("list_files", {"folder": "", "glob": None}, desk)).splitlines()
    assert "src/ (4 files)" in top
    assert "passwd (a link)" in top
    assert "vendored (another repository)" in top
    found = (await call("list_files", {"folder": "src", "glob": "*.py"}, desk)).splitlines()
    assert found[:3] == ["src/a.py", "src/deep/b.py", "src/deep/test_b.py"]
    assert found[3] == "src/\\u202eevil\\u000a.py"
    assert await call("list_files", {"folder": "src/", "glob": "*/test_*"}, desk) == "src/deep/test_b.py"
    assert await call("list_files", {"folder": ".", "glob": "*.rs"}, desk) == "(nothing there)"
    assert "no folder" in await refused(desk, "list_files", folder="nowhere", glob=None)


async def test_lines_are_found_in_text_files_only(desk: Desk) -> None:
    given = {"pattern": r"\bgreet\b", "folder": "", "glob": None, "ignore_case": False}
    assert (await call("search", given, desk)).splitlines() == [
        "src/a.py:4:def greet(name):",
        "src/deep/b.py:1:from a import greet",
        "src/\\u202eevil\\u000a.py:1:greet\x1b[31m",
    ]
    narrow = {**given, "folder": "src/deep", "glob": "test_*", "ignore_case": True, "pattern": "greet"}
    assert await call("search", narrow, desk) == "src/deep/test_b.py:1:GREET = 1"
    assert await call("search", {**given, "pattern": "two$"}, desk) == "README.md:2:line two"
    assert await call("search", {**given, "pattern": "etc/passwd"}, desk) == "(nothing found)"


async def test_a_line_that_is_cut_in_the_middle_of_a_secret_shows_no_part_of_it(
    objects: PygitObjects, desk: Desk
) -> None:
    secret = Secret("TOKEN", "k3y-of-the-harbor-master")
    leaf = TreeEntry("app.py", REGULAR, await objects.write_blob(b"x" * 290 + secret.value.encode()))
    who = Signature("Ada", "ada@example.org", START)
    base = await objects.write_commit(await objects.write_tree([leaf]), (), "Start", who, who)
    desk.library = Library(objects, base, FakeClock(), Secrets([secret]))
    found = await call("search", {"pattern": "xxx"}, desk)
    assert found.startswith("app.py:1:xxx")
    assert "k3y" not in found


async def test_many_lines_are_cut_and_odd_patterns_refused(desk: Desk) -> None:
    given = {"pattern": "line", "folder": "", "glob": "long.txt", "ignore_case": False}
    found = (await call("search", given, desk)).splitlines()
    assert len(found) == 101
    assert "the first 100 lines" in found[-1]
    assert "refers back" in await refused(desk, "search", **{**given, "pattern": r"(a)\1"})
    assert "at most 500" in await refused(desk, "search", **{**given, "pattern": "a" * 501})
    hangs = {**given, "pattern": "(l+|i+)+$", "glob": "*"}
    assert "line" not in await call("search", hangs, desk)


async def test_the_last_commits_are_told_with_their_paths(desk: Desk) -> None:
    last = await call("history", {"path": None, "count": 5}, desk)
    newest, oldest, looked = last.splitlines()
    assert "More [" in newest
    assert "and 2 more]" in newest
    assert oldest.endswith("Start [README.md, src/a.py, src/deep/b.py]")
    assert looked == "(looked at the last 2 commits)"
    of_one = await call("history", {"path": "src/deep/test_b.py", "count": 5}, desk)
    assert "Start" not in of_one
    folder = await call("history", {"path": "src/", "count": 1}, desk)
    assert "More" in folder
    assert "(no commits that touch x)" in await call("history", {"path": "x", "count": 99}, desk)


async def test_tests_and_gates_are_told(desk: Desk) -> None:
    told = await call("tests", {"folder": ""}, desk)
    assert "- pytest -q\n" in told
    assert "2 files look like tests" in told
    assert "src/deep/test_b.py" in told
    assert "1 file looks like a test" in await call("tests", {"folder": "src"}, desk)


@pytest.mark.parametrize(
    ("path", "looks"),
    [
        ("test_a.py", True),
        ("a_test.go", True),
        ("src/a.test.ts", True),
        ("src/ATest.java", True),
        ("spec/a_spec.rb", True),
        ("tests/data.json", True),
        ("src/__tests__/a.js", True),
        ("latest.py", False),
        ("AUDIT.md", False),
        ("src/contest.py", False),
        ("tests/LICENSE", False),
    ],
)
def test_tests_are_known_by_their_names(path: str, looks: bool) -> None:
    assert is_test(path) == looks


# --- changing -------------------------------------------------------------------------------------


def sure(**fields: Any) -> dict[str, Any]:
    """A bead that fits this repository."""
    return bead("a", **{"files": ["src/a.py"], **fields})


async def test_the_plan_is_changed_step_by_step(desk: Desk) -> None:
    two = [sure(), sure(key="k", title="Other", after=["a"])]
    told = await call("propose_convoy", {"title": "T", "beads": two}, desk)
    a, k = desk.plan.beads
    assert told.splitlines() == ["The plan has 2 beads now. Their ids:", f"- a: {a}", f"- k: {k}"]
    desk.call = 2
    new = {key: value for key, value in sure(title="Third").items() if key != "key"}
    told = await call("add_bead", new, desk)
    third = list(desk.plan.beads)[2]
    assert told.startswith(f"{third} is in the plan.")
    assert f"{a} and {third} both expect src/a.py" in told
    told = await call("add_dependency", {"bead": third, "on": k, "kind": "blocks"}, desk)
    assert told == f"{third} depends on {k} now (blocks)."
    edit = {"bead": k, "title": "Better", "priority": 0, "description": None, "files": ["README.md"]}
    assert (await call("edit_bead", edit, desk)).startswith(f"{k} is changed.")
    assert desk.plan.beads[k].bead.title == "Better"
    assert (await call("highlight", {"beads": [k, k]}, desk)) == "1 bead shown to the user."
    await call("remove_dependency", {"bead": third, "on": k}, desk)
    assert (await call("remove_bead", {"bead": k}, desk)).startswith(f"{k} is out of the plan.")
    assert list(desk.plan.beads) == [a, third]
    assert desk.shown == (k,)


async def test_two_beads_of_one_turn_and_title_have_different_ids(desk: Desk) -> None:
    new = {key: value for key, value in sure().items() if key != "key"}
    desk.call = 1
    await call("add_bead", new, desk)
    (first,) = desk.plan.beads
    await call("remove_bead", {"bead": first}, desk)
    await call("add_bead", new, desk)
    assert list(desk.plan.beads) != [first]


async def test_a_question_is_left_for_the_mayor(desk: Desk) -> None:
    asked = {"question": "Which\u202e?", "options": ["a\n", "", "b"], "default": "a"}
    await call("ask", asked, desk)
    assert desk.question is not None
    assert (desk.question.text, desk.question.options, desk.question.default) == ("Which?", ("a", "b"), "a")
    assert "empty" in await refused(desk, "ask", question=" ", options=[], default=None)
    assert "at most 6" in await refused(desk, "ask", question="x", options=list("abcdefg"), default=None)


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("launch", {}, "There is no tool 'launch'"),
        ("\u202eland\n", {}, "There is no tool 'land'"),
        ("read", {"malformed": "{"}, "not a JSON object"),
        ("read", {"path": "README.md", "start": 1, "count": 0, "mode": "x"}, "does not take mode"),
        ("read", {"path": 1}, "must be a string"),
        ("read", {"path": "README.md", "start": "1"}, "whole number"),
        ("read", {"path": "README.md", "start": True}, "whole number"),
        ("search", {"pattern": "a", "ignore_case": "no"}, "true or false"),
        ("search", {"pattern": "a", "glob": ["*"]}, "must be a string"),
        ("propose_convoy", {"title": "T"}, "no beads"),
        ("propose_convoy", {"title": "T", "beads": "b"}, "must be a list"),
        ("propose_convoy", {"title": "T", "beads": ["b"]}, "list of objects"),
        ("propose_convoy", {"title": "T", "beads": [{}] * 251}, "at most 250"),
        ("propose_convoy", {"title": "T", "beads": [{**bead("a"), "land": True}]}, "does not take land"),
        ("propose_convoy", {"title": "T", "beads": [{**bead("a"), "files": "x"}]}, "must be a list"),
        ("propose_convoy", {"title": "T", "beads": [{**bead("a"), "files": [1]}]}, "must be a string"),
        ("propose_convoy", {"title": "T", "beads": [{**bead("a"), "priority": 2.5}]}, "whole number"),
        ("propose_convoy", {"title": "T", "beads": [{**bead("a"), "title": "\ud800"}]}, "surrogate"),
        ("propose_convoy", {"title": "T", "beads": [{**bead("a"), "description": "x" * 20_001}]}, "at most"),
        ("edit_bead", {"bead": "gt-x", "title": "T"}, "no bead 'gt-x'"),
        ("edit_bead", {"bead": "gt-x", "priority": "1"}, "whole number"),
        ("highlight", {"beads": ["gt-x"]}, "no bead 'gt-x'"),
        ("ask", {"question": "x" * 2_001}, "at most 2,000"),
    ],
)
async def test_an_input_of_another_kind_is_refused_with_why(
    desk: Desk, name: str, given: dict[str, Any], why: str
) -> None:
    assert why in await refused(desk, name, **given)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["key", "title", "files", "after", "bead", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_whatever_a_model_sends_is_answered_or_refused(desk: Desk, data: st.DataObject) -> None:
    tool = data.draw(st.sampled_from(TOOLS))
    properties: Any = tool.schema["properties"]
    given = {name: data.draw(VALUES) for name in properties if data.draw(st.booleans())}
    before = desk.plan
    action_of(tool.name, given)
    try:
        assert isinstance(await call(tool.name, given, desk), str)
    except ToolRefused:
        assert desk.plan == before
    desk.plan = before


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("read", {"path": "a\nb"}, "Reading a b"),
        ("ask", {}, "Asking you"),
        ("list_files", {"folder": None}, "Listing files"),
        ("edit_bead", {"bead": BeadId("gt-a")}, "Changing a bead gt-a"),
        ("\x1bodd", {"path": 1}, "Calling odd 1"),
    ],
)
def test_a_call_has_words_for_the_window(name: str, given: dict[str, Any], words: str) -> None:
    assert action_of(name, given) == words
