"""Reading a `money.log` that another process may be writing: no lock is taken and nothing is changed.

The form is that of `money_log.py`: length (4 bytes, big-endian), CRC-32 of the body (4 bytes), body (JSON). A
torn last record is left out: its request was never sent, or it is being written right now.
"""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.ledger import Record, record_from_json

_HEADER = struct.Struct(">II")


def read_ledger(path: Path) -> list[Record]:
    """All whole records of a log, oldest first; none where there is no log.

    Raises:
        StoreError: a record before the last is damaged, or one of a kind that is not known.
    """
    if not path.exists():
        return []
    data = path.read_bytes()
    records: list[Record] = []
    position = 0
    while (body := _body(data, position)) is not None:
        records.append(record_from_json(json.loads(body)))
        position += _HEADER.size + len(body)
    if _goes_on(data, position):
        raise StoreError(
            f"The money log {path} is damaged at byte {position}.",
            safe="Nothing was changed.",
            remedy="Restore it from a backup.",
        )
    return records


def _body(data: bytes, position: int) -> bytes | None:
    """The body of the whole record at a position; None where there is none."""
    if position < 0 or position + _HEADER.size > len(data):
        return None
    length, checksum = _HEADER.unpack_from(data, position)
    body = data[position + _HEADER.size : position + _HEADER.size + length]
    whole = length > 0 and len(body) == length and zlib.crc32(body) == checksum
    return body if whole else None


def _goes_on(data: bytes, position: int) -> bool:
    """Whether a whole record stands somewhere behind what cannot be read."""
    brace = data.find(b"{", position + 1)
    while brace >= 0:
        if _body(data, brace - _HEADER.size) is not None:
            return True
        brace = data.find(b"{", brace + 1)
    return False
