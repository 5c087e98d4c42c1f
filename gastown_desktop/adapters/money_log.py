"""`money.log`: the durable record of every reservation.

Each record is its length (4 bytes, big-endian), the CRC-32 of the body (4 bytes), the body (JSON). A torn
last record is cut off at opening: its request was never sent, since sending waits for fsync. Damage anywhere
else is an error, never repaired silently.

`money.log.sums` beside it tells what the records up to a place come to, with a hash of exactly those: a
ledger of years is opened in a second. It may be deleted, and where it does not fit, all records are read.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import json
import mmap
import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Protocol

from gastown_desktop.core.disk_errors import FULL, unwritten
from gastown_desktop.core.errors import Refused, StoreError
from gastown_desktop.core.ledger import Record, record_from_json
from gastown_desktop.core.ledger_sums import FORM
from gastown_desktop.engine.crash_points import crash_point

_HEADER = struct.Struct(">II")
_RESERVE_BYTES = 1 << 20
_PART = 1 << 20
_ACT_AND_ID = re.compile(rb'\{"kind":"([a-z-]+)","id":"([^"]*)"')
_OF_A_REQUEST = frozenset({b"reserve", b"shrink", b"settle", b"assume", b"release"})


class FileMoneyLog:
    """Implements the MoneyLog port on one file, guarded by a lock file beside it."""

    def __init__(self, path: Path, *, summed: bool = False) -> None:
        """Opens (or creates) the log.

        Args:
            path: the log; `<path>.lock` and `<path>.spare` stand beside it.
            summed: sums of its beginning are used and kept, in `<path>.sums`.

        Raises:
            Refused: another process holds this ledger.
            StoreError: the log is damaged before its last record.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = path
        self._spare = path.with_name(path.name + ".spare")
        self._lock = os.open(
            path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise Refused(
                "Another Gas Town Desktop is using this ledger.", remedy="Close it, or wait until it is done."
            ) from None
        try:
            self._content = _Content(path, _sums_file(path) if summed else None)
            self._cut()
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._make_spare()
            sync_folder(path.parent)
        except BaseException:
            os.close(self._lock)
            raise
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="money-log")
        self._failed = False

    def records(self) -> Iterator[dict[str, object]]:
        """Records found at opening, oldest first; they are read once, and not kept."""
        found, self._content.found = self._content.found, b""
        return _read_all(found)

    def sums(self) -> Mapping[str, object] | None:
        """What the records before those of `records` come to; None where it gives all."""
        return self._content.sums

    def earlier(self, scope: str) -> Iterator[dict[str, object]]:
        """Records before those, of one scope: perhaps a few more."""
        return self._content.earlier(scope)

    def keep_sums(self, sums: Mapping[str, object]) -> None:
        """Remembers what all records that were found come to."""
        self._content.keep(sums)

    async def append(self, record: Mapping[str, object], *, durable: bool) -> None:
        """Writes a record; `durable` waits for fsync. A caller that is cancelled meanwhile stops no write.

        Raises:
            DiskFull: no space, and the spare file did not help.
            StoreError: it could not be written; the log takes no more records.
        """
        body = json.dumps(record, separators=(",", ":")).encode()
        loop = asyncio.get_running_loop()
        # unshielded, a record that still waits would never be written, and those that rest on it would be
        await asyncio.shield(loop.run_in_executor(self._thread, self._write, body, durable))

    async def close(self) -> None:
        """Closes the file and gives the lock back."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._sync)
        self._thread.shutdown(wait=True)
        os.close(self._file)
        os.close(self._lock)

    def _write(self, body: bytes, durable: bool) -> None:
        if self._failed:
            raise StoreError("The money log could not be written earlier; no request is sent.")
        record = _HEADER.pack(len(body), zlib.crc32(body)) + body
        try:
            crash_point("money-append")
            self._write_all(record)
            if durable:
                crash_point("money-fsync")
                os.fdatasync(self._file)
                crash_point("money-durable")
        except OSError as error:
            self._failed = True
            safe = "No request was sent; everything that was acknowledged is safe."
            raise unwritten(error, "The money log", safe=safe) from error

    def _write_all(self, record: bytes) -> None:
        start = os.fstat(self._file).st_size
        if self._fits(record):
            return
        os.ftruncate(self._file, start)
        self._spare.unlink(missing_ok=True)
        if not self._fits(record):
            os.ftruncate(self._file, start)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _fits(self, record: bytes) -> bool:
        """Writes a record; False when the disk had no room for all of it."""
        try:
            return os.write(self._file, record) == len(record)
        except OSError as error:
            if error.errno in FULL:
                return False
            raise

    def _sync(self) -> None:
        with contextlib.suppress(OSError):
            os.fdatasync(self._file)

    def _make_spare(self) -> None:
        """Holds back a megabyte, so that a full disk can still record how money ended; whole, or nothing."""
        with contextlib.suppress(FileNotFoundError):
            if self._spare.stat().st_size >= _RESERVE_BYTES:
                return
        try:
            self._spare.write_bytes(os.urandom(_RESERVE_BYTES))  # what no file system stores in less
        except OSError:
            with contextlib.suppress(OSError):
                self._spare.unlink()

    def _cut(self) -> None:
        """Cuts a torn last record off the file."""
        if self._content.torn:
            with self._path.open("r+b") as file:
                file.truncate(self._content.end)
                os.fsync(file.fileno())


class _Content:
    """What a log holds at a moment: sums of its beginning, where they fit it, and all whole records after it.

    Args:
        path: the log.
        sums_file: where the sums of its beginning are; None to read all of it.

    Raises:
        StoreError: a record that is not the last is damaged.
    """

    def __init__(self, path: Path, sums_file: Path | None) -> None:
        self.sums: Mapping[str, object] | None = None
        self.found = b""
        """The records after the sums."""
        self.end = 0
        """Where the last whole record ends, in bytes."""
        self.torn = False
        self._path = path
        self._sums_file = sums_file
        self._start = 0
        self._hash = sha256()
        """Of the beginning, then of all whole records."""
        if path.exists():
            with path.open("rb") as file:
                self._read(file)

    def _read(self, file: BinaryIO) -> None:
        kept = None if self._sums_file is None else _kept_sums(self._sums_file)
        if kept is not None:
            _hash_first(self._hash, file, kept.size)
            if self._hash.hexdigest() == kept.sha256:
                self.sums, self._start = kept.sums, kept.size
            else:
                self._hash = sha256()
        file.seek(self._start)
        data = file.read()
        whole = _end_of_whole(self._path, data, self._start)
        self.found, self.torn = data[:whole], whole < len(data)
        self.end = self._start + whole
        self._hash.update(self.found)

    def earlier(self, scope: str) -> Iterator[dict[str, object]]:
        """Records that the sums are of: all of a scope, those that belong to no request, maybe a few more."""
        if self._start == 0:
            return
        wanted, ids = json.dumps(scope).encode(), set[bytes]()
        with (
            self._path.open("rb") as file,
            mmap.mmap(file.fileno(), self._start, access=mmap.ACCESS_READ) as data,
        ):
            position = 0
            while position < self._start:
                body, position = _body(data, position)
                assert body is not None
                named = _ACT_AND_ID.match(body)
                act, request = named.groups() if named else (b"", b"")
                if act == b"reserve" and wanted in body:
                    ids.add(request)
                if request in ids or act not in _OF_A_REQUEST:
                    yield json.loads(body)

    def keep(self, sums: Mapping[str, object]) -> None:
        """Writes the sums of all of it down; what cannot be written is left."""
        if self._sums_file is None:
            return
        told = {"form": FORM, "size": self.end, "sha256": self._hash.hexdigest(), "sums": sums}
        body = json.dumps(told, separators=(",", ":")).encode()
        new = self._sums_file.with_name(self._sums_file.name + ".new")
        try:
            new.write_bytes(sha256(body).hexdigest().encode() + b"\n" + body)
            new.replace(self._sums_file)
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink()


def _sums_file(path: Path) -> Path:
    return path.with_name(path.name + ".sums")


@dataclass(frozen=True, slots=True)
class _KeptSums:
    """Sums, and what they are the sums of: so many bytes, with this hash."""

    size: int
    sha256: str
    sums: Mapping[str, object]


def _kept_sums(file: Path) -> _KeptSums | None:
    """Reads them; None where there are none, or what is there cannot be read."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        checksum, _, body = file.read_bytes().partition(b"\n")
        if sha256(body).hexdigest().encode() == checksum:
            told = json.loads(body)
            kept = _KeptSums(int(told["size"]), str(told["sha256"]), dict(told["sums"]))
            return kept if kept.size > 0 and told["form"] == FORM else None
    return None


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


def _hash_first(found: _Hash, file: BinaryIO, size: int) -> None:
    """Hashes the first bytes of a file; fewer, where there are no more."""
    while size > 0 and (part := file.read(min(size, _PART))):
        found.update(part)
        size -= len(part)


@dataclass(frozen=True, slots=True)
class SummedLedger:
    """A ledger as it is needed for one scope, also while another process writes it."""

    sums: Mapping[str, object] | None
    """What the records come to that are left out before `later`."""
    earlier: list[Record]
    """Those of the scope among them, and those that belong to no request, oldest first."""
    later: list[Record]


def read_summed(path: Path, scope: str) -> SummedLedger:
    """Reads a ledger from its sums on, where it has some; nothing is changed.

    Raises:
        StoreError: a record that has to be read is damaged, or is of a kind that is not known.
    """
    content = _Content(path, _sums_file(path))
    return SummedLedger(
        sums=content.sums,
        earlier=[record_from_json(one) for one in content.earlier(scope)],
        later=[record_from_json(one) for one in _read_all(content.found)],
    )


def read_ledger(path: Path) -> list[Record]:
    """As `ledger_records`, all at once."""
    return list(ledger_records(path))


def ledger_records(path: Path) -> Iterator[Record]:
    """All whole records of a log, oldest first, also while another process writes it; nothing is changed.

    A torn last record is left out: its request was never sent, or it is being written right now.

    Raises:
        StoreError: a record before the last is damaged, or one is of a kind that is not known.
    """
    if path.exists():
        data = path.read_bytes()
        yield from map(record_from_json, _read_all(data[: _end_of_whole(path, data)]))


def _read_all(data: bytes) -> Iterator[dict[str, object]]:
    """The records in data that holds nothing else."""
    position = 0
    while position < len(data):
        body, position = _body(data, position)
        assert body is not None
        yield json.loads(body)


def _end_of_whole(path: Path, data: bytes, start: int = 0) -> int:
    """Where the last whole record ends in what a log holds from a place on.

    Raises:
        StoreError: one before the last is damaged.
    """
    position = 0
    while position < len(data):
        body, end = _body(data, position)
        if body is None:
            if _is_followed(data, position):
                raise StoreError(
                    f"The money log {path} is damaged at byte {start + position}.",
                    safe="Nothing was changed.",
                    remedy="Restore it from a backup, or move it away to start a new ledger.",
                )
            break
        position = end
    return position


def _is_followed(data: bytes, position: int) -> bool:
    """Whether what is no whole record is followed by one: then it is damaged, and not only torn.

    A record with a damaged length looks torn.
    """
    return any(
        _body(data, brace - _HEADER.size)[0] is not None
        for brace in _positions(data, b"{", position + _HEADER.size + 1)
    )


def _body(data: bytes | mmap.mmap, position: int) -> tuple[bytes | None, int]:
    """The body of the whole record at a position and where it ends; None when there is none."""
    if position + _HEADER.size > len(data):
        return None, len(data)
    length, checksum = _HEADER.unpack_from(data, position)
    end = position + _HEADER.size + length
    if length == 0 or end > len(data):
        return None, len(data)
    body = data[position + _HEADER.size : end]
    return (body, end) if zlib.crc32(body) == checksum else (None, end)


def _positions(data: bytes, wanted: bytes, start: int) -> Iterator[int]:
    found = data.find(wanted, start)
    while found >= 0:
        yield found
        found = data.find(wanted, found + 1)


def sync_folder(folder: Path) -> None:
    """Makes a new file's name durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
