"""What both caches of gate answers do, and what the one on disk survives."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from gastown_desktop.adapters.gate_cache import FileGateCache
from gastown_desktop.core.flakiness import FlakeRecord
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.merge_queue import FailureRate
from gastown_desktop.engine.ports import GateAnswer, GateCache
from tests.fakes.gates import MemoryGateCache

TREE, OTHER = Oid("a" * 40), Oid("b" * 40)
GREEN = GateAnswer(green=True, seconds=1.5)
RED = GateAnswer(green=False, tail="Assertion: caf\udce9 \x1b", seconds=0.5)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rig" / "gates.jsonl"


@pytest.fixture(params=["file", "memory"])
def cache(request: pytest.FixtureRequest, file: Path) -> GateCache:
    return FileGateCache(file) if request.param == "file" else MemoryGateCache()


# --- both -----------------------------------------------------------------------------------------


def test_an_answer_is_found_by_its_tree_and_key(cache: GateCache) -> None:
    assert cache.find(TREE, "k") is None
    cache.remember(TREE, "k", GREEN)
    cache.remember(OTHER, "k", RED)
    assert cache.find(TREE, "k") == GREEN
    assert cache.find(OTHER, "k") == RED
    assert cache.find(TREE, "another environment") is None


def test_a_later_answer_replaces_an_earlier_one(cache: GateCache) -> None:
    cache.remember(TREE, "k", RED)
    cache.remember(TREE, "k", GREEN)
    assert cache.find(TREE, "k") == GREEN


def test_runs_and_flips_add_up_by_command(cache: GateCache) -> None:
    assert cache.record("make test") == FlakeRecord()
    cache.count("make test", runs=3, flips=1)
    cache.count("make test", runs=2, flips=0)
    assert cache.record("make test") == FlakeRecord(runs=5, flips=1)
    assert cache.record("make lint") == FlakeRecord()


def test_the_failure_rate_is_learned_by_queue(cache: GateCache) -> None:
    assert cache.failure_rate("work") == FailureRate()
    cache.judged("work", landed=10, blamed=2)
    assert cache.failure_rate("work") == FailureRate().seen(10, 2)
    assert cache.failure_rate("rehearsal") == FailureRate()


# --- the one on disk ------------------------------------------------------------------------------


def filled(file: Path) -> FileGateCache:
    cache = FileGateCache(file)
    cache.remember(TREE, "k", GREEN)
    cache.remember(OTHER, "k", RED)
    cache.count("make test", runs=5, flips=1)
    cache.judged("work", landed=10, blamed=2)
    return cache


def same(one: GateCache, other: GateCache) -> bool:
    def told(cache: GateCache) -> list[object]:
        answers = [cache.find(tree, "k") for tree in (TREE, OTHER)]
        return [*answers, cache.record("make test"), cache.failure_rate("work")]

    return told(one) == told(other)


def test_the_next_process_knows_all_of_it(file: Path) -> None:
    assert same(filled(file), FileGateCache(file))
    assert file.stat().st_mode & 0o777 == 0o600


def test_two_processes_at_once_lose_nothing(file: Path) -> None:
    first, second = FileGateCache(file), FileGateCache(file)
    first.remember(TREE, "k", GREEN)
    second.remember(OTHER, "k", RED)
    first.count("c", runs=1, flips=0)
    second.count("c", runs=1, flips=1)
    third = FileGateCache(file)
    assert (third.find(TREE, "k"), third.find(OTHER, "k")) == (GREEN, RED)
    assert third.record("c") == FlakeRecord(runs=2, flips=1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-3],
        lambda data: b"\0" * 100 + b"\n" + data,
        lambda data: data.replace(b'"green":true', b'"green":null'),
        lambda data: bytes(byte ^ 0xFF for byte in data),
        lambda data: b'00000000 {"kind":"answer"}\n' + data,
        lambda data: b"98b6f73a [1]\n" + data,
    ],
)
def test_damage_is_no_error_and_no_answer_comes_of_it(file: Path, damage: Callable[[bytes], bytes]) -> None:
    filled(file)
    file.write_bytes(damage(file.read_bytes()))
    cache = FileGateCache(file)
    assert cache.find(TREE, "k") in {GREEN, None}
    cache.remember(TREE, "new", GREEN)
    assert FileGateCache(file).find(TREE, "new") == GREEN


@pytest.mark.parametrize("kind", ["unknown", "answer", "runs", "queue"])
def test_a_line_of_another_version_is_skipped(file: Path, kind: str) -> None:
    filled(file)
    text = b'{"kind":"%s","later":1}' % kind.encode()
    with file.open("ab") as out:
        out.write(b"%08x %s\n" % (zlib.crc32(text), text))
    assert same(FileGateCache(file), filled(file.with_name("other")))


def test_a_file_that_cannot_be_written_costs_only_the_next_process(tmp_path: Path) -> None:
    place = tmp_path / "a file where the folder should be"
    place.write_bytes(b"")
    cache = filled(place / "gates.jsonl")
    assert cache.find(TREE, "k") == GREEN
    assert FileGateCache(place / "gates.jsonl").find(TREE, "k") is None


def test_a_folder_in_its_place_is_an_empty_cache(file: Path) -> None:
    file.mkdir(parents=True)
    assert FileGateCache(file).find(TREE, "k") is None


def test_a_large_file_is_rewritten_without_what_was_replaced(file: Path) -> None:
    before = filled(file)
    for _ in range(200):
        before.remember(TREE, "k", GREEN)
    size = file.stat().st_size
    assert same(before, FileGateCache(file, largest=1_000))
    assert file.stat().st_size < size / 20
    assert same(before, FileGateCache(file))
    assert file.stat().st_mode & 0o777 == 0o600


def test_long_output_is_kept_from_its_end(file: Path) -> None:
    FileGateCache(file).remember(TREE, "k", GateAnswer(green=False, tail="x" * 9_000 + "end"))
    known = FileGateCache(file).find(TREE, "k")
    assert known is not None
    assert len(known.tail) == 4_000
    assert known.tail.endswith("end")
