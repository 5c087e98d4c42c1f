from __future__ import annotations

import json
import zlib
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.event_lines import VERSION, decode, encode, is_intact
from gastown_desktop.core.ids import BeadId, ConvoyId, PolecatName, RigId

GOLDEN = Path(__file__).with_name("golden_events_v1.jsonl")
KINDS: tuple[type[ev.Durable], ...] = get_args(ev.DurableEvent)
RIG = RigId("calc-0a1b2c")

TEXTS = st.text(
    st.characters(exclude_categories=("Cs",)) | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)
)
"""Any text, with the bytes of names that are no UTF-8 carried as escapes."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    type(None): st.none(),
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    if hint in BY_TYPE:
        return BY_TYPE[hint]
    if hasattr(hint, "__supertype__"):
        return values_of(hint.__supertype__)
    if get_origin(hint) is tuple:
        return st.lists(values_of(get_args(hint)[0]), max_size=3).map(tuple)
    if get_origin(hint) is dict:
        return st.dictionaries(st.text(), JSON, max_size=3)
    return st.one_of(*map(values_of, get_args(hint)))


def events_of(kind: type[ev.Durable]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{one.name: values_of(hints[one.name]) for one in fields(kind)})


@st.composite
def envelopes(draw: st.DrawFn) -> ev.Envelope:
    return ev.Envelope(
        seq=draw(st.integers(min_value=1)),
        at=draw(st.datetimes(timezones=st.just(UTC))),
        cause=draw(st.none() | st.integers(min_value=1)),
        event=draw(st.sampled_from(KINDS).flatmap(events_of)),
    )


def envelope(event: Any = None, seq: int = 1) -> ev.Envelope:
    asked = event or ev.DispatchPaused(rig=RIG, convoy=ConvoyId("cv-1"), reason="Grüße \udce9")
    return ev.Envelope(seq=seq, at=datetime(2026, 11, 25, 12, 0, tzinfo=UTC), event=asked)


def line_of(body: Any) -> bytes:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def body_of(one: ev.Envelope) -> dict[str, Any]:
    return json.loads(encode(one).partition(b" ")[2])


# --- durable ----------------------------------------------------------------------------------------


@given(envelopes())
def test_every_event_is_read_back_as_it_was(one: ev.Envelope) -> None:
    line = encode(one)
    assert decode(line) == one
    assert line.isascii()
    assert line.index(b"\n") == len(line) - 1
    assert line.splitlines() == [line[:-1]]


@given(envelopes())
def test_times_come_back_aware_and_in_utc(one: ev.Envelope) -> None:
    assert decode(encode(one)).at.utcoffset() == one.at.utcoffset()


@given(envelopes(), st.data())
def test_a_line_that_was_cut_is_damaged(one: ev.Envelope, data: st.DataObject) -> None:
    line = encode(one)
    cut = line[: data.draw(st.integers(0, len(line) - 1))]
    assert not is_intact(cut)
    with pytest.raises(StoreError, match="damaged"):
        decode(cut)


@given(envelopes(), st.data())
def test_a_line_with_a_flipped_bit_is_damaged(one: ev.Envelope, data: st.DataObject) -> None:
    line = bytearray(encode(one))
    line[data.draw(st.integers(0, len(line) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(StoreError, match="damaged"):
        decode(bytes(line))


@pytest.mark.parametrize("line", [b"", b"\n", b" \n", b"00000000 \n\n", b"zzzzzzzz {}\n", b"{}\n"])
def test_what_is_no_line_is_damaged(line: bytes) -> None:
    with pytest.raises(StoreError):
        decode(line)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        [],
        {},
        {"v": 1},
        {"v": "1", "kind": "dispatch_paused"},
        {"v": 1, "kind": "dispatch_paused", "seq": 1, "at": "noon", "cause": None},
        {"v": 1, "kind": []},
    ],
)
def test_an_intact_line_that_makes_no_sense_is_an_error_of_the_store(body: Any) -> None:
    line = line_of(body)
    assert is_intact(line)
    with pytest.raises(StoreError):
        decode(line)


def test_a_newer_version_is_intact_and_refused_by_name() -> None:
    line = line_of({**body_of(envelope()), "v": VERSION + 1})
    assert is_intact(line)
    with pytest.raises(StoreError, match="newer version"):
        decode(line)


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(StoreError, match="coup_d_etat"):
        decode(line_of({**body_of(envelope()), "kind": "coup_d_etat"}))


def test_a_field_that_is_missing_and_has_no_default_is_refused_by_name() -> None:
    body = body_of(envelope())
    del body["reason"]
    with pytest.raises(StoreError, match="lacks reason"):
        decode(line_of(body))


def test_a_field_that_is_not_known_any_more_is_passed_over() -> None:
    one = envelope()
    assert decode(line_of({**body_of(one), "mood": "sunny"})) == one


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_an_old_line_takes_the_defaults_of_fields_that_were_added(kind: type[ev.Durable]) -> None:
    optional = {
        one.name for one in fields(kind) if one.default is not MISSING or one.default_factory is not MISSING
    }
    golden = next(one for one in golden_envelopes() if type(one.event) is kind)
    body = {name: value for name, value in body_of(golden).items() if name not in optional}
    event = decode(line_of(body)).event
    for one in fields(kind):
        if one.name not in optional:
            assert getattr(event, one.name) == getattr(golden.event, one.name)


def test_kinds_have_different_names() -> None:
    kinds = [kind.kind for kind in (*KINDS, *get_args(ev.EphemeralEvent))]
    assert len(set(kinds)) == len(kinds)
    for kind in (*KINDS, *get_args(ev.EphemeralEvent)):
        declared = get_type_hints(kind)["kind"]
        assert get_args(get_args(declared)[0]) == (kind.kind,)
        assert get_origin(get_args(declared)[0]) is Literal


# --- the golden file --------------------------------------------------------------------------------


def golden_envelopes() -> list[ev.Envelope]:
    return [decode(line) for line in GOLDEN.read_bytes().splitlines(keepends=True)]


def test_the_golden_file_loads_and_has_every_kind() -> None:
    loaded = golden_envelopes()
    assert {type(one.event) for one in loaded} == set(KINDS)
    assert [one.seq for one in loaded] == list(range(1, len(loaded) + 1))


def test_the_golden_file_tells_what_it_always_told() -> None:
    texts = [line.partition(b" ")[2] for line in GOLDEN.read_bytes().splitlines()]
    for text, one in zip(texts, golden_envelopes(), strict=True):
        told = json.loads(text)
        now = body_of(one)
        assert {name: now[name] for name in told} == told


# --- ephemeral --------------------------------------------------------------------------------------


def text(polecat: str, streamed: str) -> ev.TextStreamed:
    return ev.TextStreamed(rig=RIG, polecat=PolecatName(polecat), text=streamed)


def meter(scope: str, settled: int) -> ev.MeterMoved:
    return ev.MeterMoved(rig=RIG, scope=scope, cap=None, settled=settled, held=0, assumed=0)


def action(polecat: str, words: str) -> ev.ActionChanged:
    return ev.ActionChanged(rig=RIG, polecat=PolecatName(polecat), action=words)


def progress(gate: str, *, running: bool) -> ev.GateProgress:
    return ev.GateProgress(rig=RIG, gate=gate, beads=(BeadId("b"),), running=running)


@given(st.lists(st.text(), min_size=1))
def test_streamed_text_is_joined_in_order(pieces: list[str]) -> None:
    merged: ev.Ephemeral = text("Nux", pieces[0])
    for piece in pieces[1:]:
        merged = merged.merged_with(text("Nux", piece))
    assert merged == text("Nux", "".join(pieces))


@pytest.mark.parametrize("other", [text("Slit", "b"), action("Nux", "reads")])
def test_texts_of_different_workers_are_never_joined(other: ev.Ephemeral) -> None:
    with pytest.raises(ValueError, match="same worker"):
        text("Nux", "a").merged_with(other)


@pytest.mark.parametrize(
    ("first", "later"),
    [
        (action("Nux", "reads"), action("Nux", "writes")),
        (meter("town", 1), meter("town", 2)),
        (progress("a", running=True), progress("b", running=False)),
    ],
)
def test_of_everything_else_the_later_one_stays(first: ev.Ephemeral, later: ev.Ephemeral) -> None:
    assert first.key == later.key
    assert first.merged_with(later) is later


def test_keys_differ_by_kind_worker_and_scope() -> None:
    told = [text("Nux", ""), text("Slit", ""), action("Nux", ""), action("Slit", "")]
    told += [meter("town", 0), meter("bead:b", 0), progress("g", running=True)]
    assert len({one.key for one in told}) == len(told)
    assert replace(text("Nux", "x"), text="y").key == text("Nux", "x").key
