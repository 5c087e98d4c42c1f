"""Durable events as lines of a file: readable for ever, and a damaged one is noticed."""

from __future__ import annotations

import json
import zlib
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any, TypeVar, get_args

from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.events import Durable, DurableEvent, Envelope

VERSION = 1
"""Version of the durable form; a reader loads this and every smaller one."""

_KINDS: dict[str, type[Durable]] = {event.kind: event for event in get_args(DurableEvent)}


def encode(envelope: Envelope) -> bytes:
    """One line: the CRC-32 of the JSON in eight hex digits, a space, the JSON, a newline."""
    event = envelope.event
    body = {
        "v": VERSION,
        "seq": envelope.seq,
        "at": envelope.at.isoformat(),
        "cause": envelope.cause,
        "kind": event.kind,
        **{one.name: getattr(event, one.name) for one in fields(event)},
    }
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode(line: bytes) -> Envelope:
    """Reads a line of `encode`, of this or an older version.

    Raises:
        StoreError: the line is damaged, of a newer version, or of an unknown kind.
    """
    if not is_intact(line):
        raise StoreError("A line of the history is damaged.")
    try:
        return _read(json.loads(line.partition(b" ")[2]))
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"A line of the history cannot be understood ({error!r}).") from error


def is_intact(line: bytes) -> bool:
    """Tells whether a line is whole and as it was written, of whatever version it is."""
    checksum, _, text = line.removesuffix(b"\n").partition(b" ")
    return line.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(text)


def _read(body: dict[str, Any]) -> Envelope:
    if body["v"] > VERSION:
        raise StoreError("This history was written by a newer version of Gas Town Desktop.")
    event_type = _KINDS.get(body["kind"])
    if event_type is None:
        raise StoreError(f"The history holds an event of an unknown kind: {body['kind']}.")
    return Envelope(
        seq=body["seq"],
        at=datetime.fromisoformat(body["at"]),
        cause=body["cause"],
        event=_build(event_type, body),  # pyright: ignore[reportArgumentType]
    )


_E = TypeVar("_E", bound=Durable)


def _build(event_type: type[_E], body: dict[str, Any]) -> _E:
    values: dict[str, Any] = {}
    for one in fields(event_type):
        if one.name in body:
            value = body[one.name]
            values[one.name] = tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType]
        elif one.default is MISSING and one.default_factory is MISSING:
            raise StoreError(f"An event of kind {body['kind']} lacks {one.name}.")
    return event_type(**values)
