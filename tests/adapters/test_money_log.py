from __future__ import annotations

import asyncio
import errno
import multiprocessing
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from gastown_desktop.adapters.money_log import FileMoneyLog
from gastown_desktop.core.errors import DiskFull, Refused, StoreError

RECORDS: list[dict[str, object]] = [
    {"kind": "reserve", "id": "r1", "scopes": ["town"], "amount": 12},
    {"kind": "settle", "id": "r1", "usage": {"input_tokens": 3, "output_tokens": 0}},
    {"kind": "reserve", "id": "r2", "what": "Grüße"},
]


async def write(path: Path, *records: dict[str, object]) -> None:
    log = FileMoneyLog(path)
    for record in records:
        await log.append(record, durable=True)
    await log.close()


async def read(path: Path) -> list[dict[str, object]]:
    log = FileMoneyLog(path)
    records = list(log.records())
    await log.close()
    return records


async def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "data" / "money.log"
    await write(path, *RECORDS[:2])
    await write(path, RECORDS[2])
    assert await read(path) == RECORDS


async def test_only_the_user_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "money.log"
    await write(path, RECORDS[0])
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


async def test_a_torn_last_record_is_cut_off_wherever_it_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "money.log"
    await write(path, *RECORDS[:2])
    whole = path.stat().st_size
    await write(path, RECORDS[2])
    data = path.read_bytes()
    for end in range(whole, len(data)):
        path.write_bytes(data[:end])
        assert await read(path) == RECORDS[:2], end
        assert path.stat().st_size == whole
    await write(path, RECORDS[2])
    assert await read(path) == RECORDS


@pytest.mark.parametrize("zeros", [1, 8, 9, 4096])
async def test_a_tail_that_never_reached_the_disk_is_cut_off(tmp_path: Path, zeros: int) -> None:
    path = tmp_path / "money.log"
    await write(path, *RECORDS[:2])
    with path.open("ab") as file:
        file.write(bytes(zeros))
    assert await read(path) == RECORDS[:2]


async def test_damage_before_the_last_record_is_an_error_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "money.log"
    await write(path, *RECORDS[:2])
    damaged_part = path.stat().st_size
    await write(path, RECORDS[2])
    data = path.read_bytes()
    for position in range(damaged_part):
        for bit in (1, 128):
            damaged = bytearray(data)
            damaged[position] ^= bit
            path.write_bytes(damaged)
            with pytest.raises(StoreError, match="damaged at byte"):
                FileMoneyLog(path)
            assert path.read_bytes() == damaged, "nothing is repaired silently"


async def test_a_log_that_could_not_be_opened_holds_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "money.log"
    await write(path, *RECORDS)
    data = path.read_bytes()
    path.write_bytes(b"\xff" + data[1:])
    with pytest.raises(StoreError):
        FileMoneyLog(path)
    path.write_bytes(data)
    assert await read(path) == RECORDS


async def test_one_process_holds_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "money.log"
    log = FileMoneyLog(path)
    with pytest.raises(Refused):
        FileMoneyLog(path)
    await log.close()
    assert await read(path) == []


def _open_and_die(path: Path) -> None:
    FileMoneyLog(path)
    os._exit(0)


async def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "money.log"
    child = multiprocessing.get_context("spawn").Process(target=_open_and_die, args=(path,))
    child.start()
    await asyncio.to_thread(child.join)
    assert child.exitcode == 0
    assert await read(path) == []


class Disk:
    """Counts what reaches the disk, and refuses when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.write_errors: list[int] = []
        self.short_writes = 0
        self.sync_error = 0
        self._write, self._sync = os.write, os.fdatasync
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "fdatasync", self.sync)

    def write(self, handle: int, data: bytes) -> int:
        if not data.startswith(b"\0"):
            return self._write(handle, data)
        self.calls.append("write")
        if self.write_errors:
            error = self.write_errors.pop(0)
            raise OSError(error, os.strerror(error))
        if self.short_writes:
            self.short_writes -= 1
            return self._write(handle, data[: len(data) // 2])
        return self._write(handle, data)

    def sync(self, handle: int) -> None:
        self.calls.append("sync")
        if self.sync_error:
            raise OSError(self.sync_error, os.strerror(self.sync_error))
        self._sync(handle)


async def test_a_durable_record_is_written_and_then_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, disk = FileMoneyLog(tmp_path / "money.log"), Disk(monkeypatch)
    await log.append(RECORDS[0], durable=True)
    assert disk.calls == ["write", "sync"]
    await log.append(RECORDS[1], durable=False)
    assert disk.calls == ["write", "sync", "write"]
    await log.close()


async def test_records_are_written_in_the_order_they_were_given(tmp_path: Path) -> None:
    path = tmp_path / "money.log"
    log = FileMoneyLog(path)
    wanted: list[dict[str, object]] = [{"kind": "release", "id": f"r{number}"} for number in range(50)]
    await asyncio.gather(*(log.append(one, durable=number % 7 == 0) for number, one in enumerate(wanted)))
    await log.close()
    assert await read(path) == wanted


async def test_after_a_failed_sync_no_record_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "money.log"
    log, disk = FileMoneyLog(path), Disk(monkeypatch)
    disk.sync_error = errno.EIO
    with pytest.raises(StoreError):
        await log.append(RECORDS[0], durable=True)
    disk.sync_error = 0
    size = path.stat().st_size
    for durable in (True, False):
        with pytest.raises(StoreError):
            await log.append(RECORDS[1], durable=durable)
    assert path.stat().st_size == size
    await log.close()
    assert await read(path) == RECORDS[:1], "it may be on the disk, so it stays charged"


async def test_a_full_disk_costs_the_spare_file_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, spare = tmp_path / "money.log", tmp_path / "money.log.spare"
    log, disk = FileMoneyLog(path), Disk(monkeypatch)
    assert spare.stat().st_size == 1 << 20
    disk.write_errors = [errno.ENOSPC]
    await log.append(RECORDS[0], durable=True)
    assert not spare.exists()
    await log.append(RECORDS[1], durable=True)
    await log.close()
    assert await read(path) == RECORDS[:2]
    assert spare.exists(), "the next start holds back a new one"


async def test_a_disk_that_takes_half_a_record_costs_the_spare_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "money.log"
    log, disk = FileMoneyLog(path), Disk(monkeypatch)
    disk.short_writes = 1
    await log.append(RECORDS[0], durable=True)
    await log.close()
    assert not (tmp_path / "money.log.spare").exists()
    assert await read(path) == RECORDS[:1]


@pytest.mark.parametrize("trouble", ["refused", "half"])
async def test_a_disk_that_stays_full_leaves_no_half_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    path = tmp_path / "money.log"
    log, disk = FileMoneyLog(path), Disk(monkeypatch)
    await log.append(RECORDS[0], durable=True)
    if trouble == "refused":
        disk.write_errors = [errno.ENOSPC, errno.ENOSPC]
    else:
        disk.short_writes = 2
    with pytest.raises(DiskFull):
        await log.append(RECORDS[1], durable=True)
    with pytest.raises(StoreError):
        await log.append(RECORDS[2], durable=True)
    await log.close()
    assert await read(path) == RECORDS[:1]


async def test_a_write_that_fails_otherwise_is_no_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, disk = FileMoneyLog(tmp_path / "money.log"), Disk(monkeypatch)
    disk.write_errors = [errno.EIO]
    with pytest.raises(StoreError) as failed:
        await log.append(RECORDS[0], durable=True)
    assert not isinstance(failed.value, DiskFull)
    assert (tmp_path / "money.log.spare").exists()
    await log.close()


def test_a_record_is_its_length_its_checksum_and_its_json(tmp_path: Path) -> None:
    path = tmp_path / "money.log"
    body = b'{"kind":"release","id":"r1","reason":"old file"}'
    path.write_bytes(struct.pack(">II", len(body), zlib.crc32(body)) + body)

    async def reopened() -> Any:
        return await read(path)

    assert asyncio.run(reopened()) == [{"kind": "release", "id": "r1", "reason": "old file"}]


async def test_a_record_is_written_in_its_order_though_its_caller_was_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "money.log"
    records: list[dict[str, object]] = [{"kind": "reserve", "id": f"r{number}"} for number in range(50)]
    log = FileMoneyLog(path)
    callers = [asyncio.ensure_future(log.append(record, durable=True)) for record in records]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await log.close()
    assert await read(path) == records


@pytest.mark.parametrize("held_back", [b"", bytes(1_000)])
async def test_a_spare_file_that_is_not_whole_is_made_anew(tmp_path: Path, held_back: bytes) -> None:
    spare = tmp_path / "money.log.spare"
    spare.write_bytes(held_back)
    await FileMoneyLog(tmp_path / "money.log").close()
    assert spare.stat().st_size == 1 << 20


async def test_a_disk_without_room_for_the_spare_file_gets_no_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = tmp_path / "money.log.spare"

    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:1_000])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(type(spare), "write_bytes", full)
    await FileMoneyLog(tmp_path / "money.log").close()
    assert not spare.exists()


async def test_a_log_that_cannot_be_opened_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr("gastown_desktop.adapters.money_log.sync_folder", broken)
        with pytest.raises(OSError, match="Input/output"):
            FileMoneyLog(tmp_path / "money.log")
    await FileMoneyLog(tmp_path / "money.log").close()
