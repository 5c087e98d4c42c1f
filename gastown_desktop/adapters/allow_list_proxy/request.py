"""What a client asks a proxy for: a tunnel (`CONNECT host:port`), or plain HTTP (`GET http://host/…`)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gastown_desktop.core.allowed_hosts import HTTP, plain_host, split_port

_LINE = re.compile(rb"([A-Z]{1,20}) ([\x21-\x7e]+) HTTP/1\.[01]")
_ABSOLUTE = re.compile(r"http://([^/?#@]+)(.*)", re.IGNORECASE)
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[^\r\n\0]*")
_HOP = frozenset({b"host", b"connection", b"keep-alive", b"te", b"upgrade"})
"""Fields (RFC 9110, 7.6.1) that are for the next station only, and those that we write anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, with what is to be said to the host first."""

    host: str
    port: int
    head: bytes | None = None
    """The head of a plain HTTP request as its host gets it; None for a tunnel."""

    @property
    def plain(self) -> bool:
        """Whether it is plain HTTP, which is for port 80 only."""
        return self.head is not None


def asked_of(head: bytes) -> Asked | None:
    """Reads the head of a request, with its empty line; None when it is none that a proxy answers."""
    first, *fields = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    line = _LINE.fullmatch(first)
    if line is None or not all(map(_FIELD.fullmatch, fields)):
        return None
    method, target = line[1].decode(), line[2].decode()
    if method == "CONNECT":
        return _place(target, None, None)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return None
    asked = _place(absolute[1], HTTP, b"")
    if asked is None:
        return None
    path = absolute[2] if absolute[2].startswith("/") else "/" + absolute[2]
    return Asked(host=asked.host, port=asked.port, head=_rewritten(method, path, absolute[1], fields))


def _place(text: str, default: int | None, head: bytes | None) -> Asked | None:
    name, port = split_port(text, default)
    host = plain_host(name)
    return Asked(host=host, port=port, head=head) if host and port is not None else None


def _rewritten(method: str, path: str, host: str, fields: list[bytes]) -> bytes:
    """The head for the host itself: the host that was checked, one request per connection."""
    kept = [
        field
        for field in fields
        if (name := field.partition(b":")[0].lower()) not in _HOP and not name.startswith(b"proxy-")
    ]
    lines = [f"{method} {path.partition('#')[0]} HTTP/1.1".encode(), b"Host: " + host.encode(), *kept]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])
