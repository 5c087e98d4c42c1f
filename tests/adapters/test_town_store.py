from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gastown_desktop.adapters.town_store import FileEventStore, HistoryIndex, HistoryQuery, read_lines
from gastown_desktop.core import event_lines
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import DiskFull, StoreError
from gastown_desktop.core.event_lines import VERSION, encode
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, PolecatName, RigId

START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def line(seq: int, convoy: str = "cv-1", bead: str = "gt-a", polecat: str = "Nux", at_s: float = 0) -> bytes:
    event = ev.BeadSlung(
        rig=RigId("calc"),
        convoy=ConvoyId(convoy),
        bead=BeadId(bead),
        polecat=PolecatName(polecat),
        epoch=seq,
        base=Oid("1" * 40),
        branch="refs/heads/work/x",
    )
    at = START + timedelta(seconds=at_s or seq)
    return encode(ev.Envelope(seq=seq, at=at, event=event))


LINES = [line(seq) for seq in range(1, 4)]


async def stored(path: Path, *lines: bytes) -> None:
    store = FileEventStore(path)
    await store.append(lines)
    await store.close()


async def test_what_was_appended_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "rig" / "events" / "cv-1.jsonl"
    await stored(path, *LINES[:2])
    await stored(path, LINES[2])
    store = FileEventStore(path)
    assert store.lines() == LINES
    await store.close()
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


async def test_a_torn_last_line_is_cut_off_wherever_it_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "cv-1.jsonl"
    whole = b"".join(LINES[:2])
    for end in range(len(LINES[2])):
        path.write_bytes(whole + LINES[2][:end])
        await stored(path, LINES[2])
        assert path.read_bytes() == whole + LINES[2], end


async def test_looking_only_skips_a_torn_line_and_leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "cv-1.jsonl"
    torn = b"".join(LINES)[:-5]
    path.write_bytes(torn)
    store = FileEventStore(path, read_only=True)
    assert store.lines() == LINES[:2]
    with pytest.raises(StoreError, match="look only"):
        await store.append([LINES[2]])
    await store.close()
    assert path.read_bytes() == torn


async def test_looking_at_nothing_makes_nothing(tmp_path: Path) -> None:
    store = FileEventStore(tmp_path / "events" / "cv-1.jsonl", read_only=True)
    assert store.lines() == []
    await store.close()
    assert not (tmp_path / "events").exists()


@pytest.mark.parametrize("damage", [b"rubbish\n", b"\n", bytes(30) + b"\n"])
def test_damage_before_the_last_line_is_an_error_and_nothing_is_changed(
    tmp_path: Path, damage: bytes
) -> None:
    path = tmp_path / "cv-1.jsonl"
    data = LINES[0] + damage + LINES[1]
    path.write_bytes(data)
    for read_only in (True, False):
        with pytest.raises(StoreError, match="Line 2"):
            FileEventStore(path, read_only=read_only)
    assert path.read_bytes() == data


def test_a_last_line_of_a_newer_version_is_never_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cv-1.jsonl"
    monkeypatch.setattr(event_lines, "VERSION", VERSION + 1)
    newer = line(2)
    monkeypatch.undo()
    path.write_bytes(LINES[0] + newer)
    assert read_lines(path) == [LINES[0], newer]
    asyncio.run(FileEventStore(path).close())
    assert path.read_bytes() == LINES[0] + newer


class Disk:
    """Watches and disturbs what reaches the disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.error: Callable[[str], int] = lambda _: 0
        self.short = False
        self._write, self._sync = os.write, os.fdatasync
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "fdatasync", self.sync)

    def _trouble(self, call: str) -> None:
        self.calls.append(call)
        if number := self.error(call):
            raise OSError(number, os.strerror(number))

    def write(self, handle: int, data: bytes) -> int:
        if b'{"v":' not in data:
            return self._write(handle, data)
        self._trouble("write")
        return self._write(handle, data[:7] if self.short else data)

    def sync(self, handle: int) -> None:
        self._trouble("sync")
        self._sync(handle)


async def test_a_group_is_one_write_and_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, disk = FileEventStore(tmp_path / "cv-1.jsonl"), Disk(monkeypatch)
    await store.append(LINES)
    assert disk.calls == ["write", "sync"]
    await store.close()


@pytest.mark.parametrize(
    ("call", "number", "kind"),
    [("write", errno.ENOSPC, DiskFull), ("write", errno.EIO, StoreError), ("sync", errno.EIO, StoreError)],
)
async def test_a_group_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, kind: type[StoreError]
) -> None:
    path = tmp_path / "cv-1.jsonl"
    store, disk = FileEventStore(path), Disk(monkeypatch)
    await store.append(LINES[:1])
    disk.error = lambda now: number if now == call else 0
    with pytest.raises(kind):
        await store.append(LINES[1:])
    await store.close()
    assert path.read_bytes() == LINES[0]


async def test_half_a_group_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cv-1.jsonl"
    store, disk = FileEventStore(path), Disk(monkeypatch)
    disk.short = True
    with pytest.raises(DiskFull):
        await store.append(LINES)
    await store.close()
    assert path.read_bytes() == b""


# --- the index --------------------------------------------------------------------------------------

QUERIES = (
    HistoryQuery(),
    HistoryQuery(convoy="cv-2"),
    HistoryQuery(polecat="Slit"),
    HistoryQuery(bead="gt-b"),
    HistoryQuery(since="2026-11-25T12:00:02+00:00"),
    HistoryQuery(until="2026-11-25T12:00:03+00:00"),
    HistoryQuery(polecat="Nux", bead="gt-a", since="2026-11-25T12:00:01+00:00"),
    HistoryQuery(convoy="none"),
)


def found(rig: Path) -> list[list[ev.Envelope]]:
    index = HistoryIndex(rig)
    index.update()
    answers = [list(index.find(query)) for query in QUERIES]
    index.close()
    return answers


def fill(rig: Path) -> None:
    events = rig / "events"
    events.mkdir(parents=True)
    (events / "cv-1.jsonl").write_bytes(b"".join(LINES) + line(4, bead="gt-b", polecat="Slit")[:-3])
    other = [line(1, "cv-2", "gt-b", "Slit", at_s=1.5), line(2, "cv-2", "gt-c", "Nux", at_s=2.5)]
    (events / "cv-2.jsonl").write_bytes(b"".join(other))


def test_a_deleted_index_is_filled_again_with_the_same(tmp_path: Path) -> None:
    fill(tmp_path)
    before = found(tmp_path)
    (tmp_path / "index.sqlite").unlink()
    assert found(tmp_path) == before
    assert [len(answer) for answer in before] == [5, 2, 1, 1, 3, 5, 3, 0]


def test_answers_are_in_order_of_time_over_all_convoys(tmp_path: Path) -> None:
    fill(tmp_path)
    times = [one.at for one in found(tmp_path)[0]]
    assert times == sorted(times)


def test_only_what_is_new_is_read_into_the_index(tmp_path: Path) -> None:
    fill(tmp_path)
    index = HistoryIndex(tmp_path)
    assert (index.update(), index.update()) == (5, 0)
    path = tmp_path / "events" / "cv-1.jsonl"
    path.write_bytes(b"".join(LINES) + line(4))
    assert index.update() == 1
    index.close()


def test_a_line_that_was_seen_before_it_was_durable_and_lost_is_replaced(tmp_path: Path) -> None:
    fill(tmp_path)
    path = tmp_path / "events" / "cv-1.jsonl"
    path.write_bytes(b"".join(LINES) + line(4, bead="gt-lost"))
    found(tmp_path)
    path.write_bytes(b"".join(LINES) + line(4, bead="gt-told") + line(5))
    index = HistoryIndex(tmp_path)
    index.update()
    assert list(index.find(HistoryQuery(bead="gt-lost"))) == []
    assert len(list(index.find(HistoryQuery(bead="gt-told")))) == 1
    index.close()


def test_a_history_that_is_gone_leaves_the_index(tmp_path: Path) -> None:
    fill(tmp_path)
    found(tmp_path)
    (tmp_path / "events" / "cv-2.jsonl").unlink()
    kept = found(tmp_path)
    (tmp_path / "index.sqlite").unlink()
    assert found(tmp_path) == kept


def test_a_query_is_never_part_of_the_statement(tmp_path: Path) -> None:
    fill(tmp_path)
    index = HistoryIndex(tmp_path)
    index.update()
    assert list(index.find(replace(HistoryQuery(), bead="' OR '1'='1"))) == []
    index.close()


def test_a_damaged_history_is_not_indexed_as_if_it_were_whole(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "events" / "cv-1.jsonl").write_bytes(LINES[0] + LINES[1].replace(b"gt-a", b"gt-x") + LINES[2])
    index = HistoryIndex(tmp_path)
    with pytest.raises(StoreError, match="Line 2"):
        index.update()
    index.close()


def write_over(file: Path) -> None:
    file.write_bytes(b"x" * file.stat().st_size)


def write_over_its_pages(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:4096] + b"x" * (len(data) - 4096))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


def make_another(file: Path) -> None:
    file.unlink()
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE event (something TEXT)")
    other.close()


@pytest.mark.parametrize("damage", [write_over, write_over_its_pages, cut, make_another])
def test_a_damaged_index_is_made_anew(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    fill(tmp_path)
    before, file = found(tmp_path), tmp_path / "index.sqlite"
    damage(file)
    file.with_name("index.sqlite-journal").write_bytes(b"of the damaged one")
    assert found(tmp_path) == before
    index = HistoryIndex(tmp_path)
    assert index.update() == 0, "the new file is whole"
    index.close()


def test_an_index_that_is_damaged_after_it_was_filled_is_filled_again(tmp_path: Path) -> None:
    fill(tmp_path)
    before = found(tmp_path)
    index = HistoryIndex(tmp_path)
    index.update()
    other = sqlite3.connect(tmp_path / "index.sqlite")
    other.execute("DROP TABLE event")
    other.close()
    assert [list(index.find(query)) for query in QUERIES] == before
    index.close()


def test_where_no_index_can_be_written_it_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    before, connect = found(tmp_path), sqlite3.connect
    (tmp_path / "index.sqlite").unlink()

    def refuse(place: Path | str) -> sqlite3.Connection:
        if place == ":memory:":
            return connect(place)
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite3, "connect", refuse)
    assert found(tmp_path) == before
    assert not (tmp_path / "index.sqlite").exists()


def test_where_the_disk_is_full_the_index_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    before, connect = found(tmp_path), sqlite3.connect
    (tmp_path / "index.sqlite").unlink()

    def of_few_pages(place: Path | str) -> sqlite3.Connection:
        database = connect(place)
        if place != ":memory:":
            database.execute("PRAGMA page_size = 512")
            database.execute("PRAGMA max_page_count = 5")
        return database

    monkeypatch.setattr(sqlite3, "connect", of_few_pages)
    assert found(tmp_path) == before


def test_an_index_that_another_process_writes_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    before, connect, file = found(tmp_path), sqlite3.connect, tmp_path / "index.sqlite"
    (tmp_path / "events" / "cv-1.jsonl").write_bytes(b"".join(LINES) + line(4))
    other = sqlite3.connect(file)
    other.execute("BEGIN EXCLUSIVE")

    def impatient(place: Path | str) -> sqlite3.Connection:
        return connect(place, timeout=0.01)

    monkeypatch.setattr(sqlite3, "connect", impatient)
    now, inode = found(tmp_path), file.stat().st_ino
    assert len(now[0]) == len(before[0]) + 1
    other.commit()
    other.close()
    assert (found(tmp_path), file.stat().st_ino) == (now, inode)
