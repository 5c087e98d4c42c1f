"""Which hosts the commands of workers may reach: those the user listed, at public addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from gastown_desktop.core.errors import Refused

HTTP, HTTPS = 80, 443
MOST_HOSTS = 50
_LONGEST_NAME = 253
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_PORT = re.compile(r"[0-9]{1,5}")
_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            "168.63.129.16/32",  # Azure's machine agent: a public address that leads to the host
            *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
        ),
    )
)
"""IANA's special-purpose registries for IPv4 and, within `_PUBLIC_V6`, IPv6; also what clouds answer at."""
_PUBLIC_V6 = ip_network("2000::/3")
"""The only block of IPv6 that is given out for the public internet."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class AllowedHost:
    """One host and port that commands may reach."""

    name: str
    """A name in lower case, `*.` and a name, or an address."""
    port: int = HTTPS

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"

    def covers(self, host: str, port: int) -> bool:
        """Whether it allows a host as `plain_host` gives it; `*.` stands for one label or more."""
        if port != self.port:
            return False
        return host.endswith(self.name[1:]) if self.name.startswith("*.") else host == self.name


def parse_host(text: str) -> AllowedHost:
    """Reads `NAME`, `NAME:PORT`, `*.NAME`, or an address; without a port 443 is meant.

    Raises:
        ValueError: it is none of these, or an address that workers must not reach; a sentence.
    """
    name, port = split_port(text.strip(), HTTPS)
    wild = name.startswith("*.")
    host = plain_host(name[2:] if wild else name)
    labels = host.split(".")
    if host.startswith("[") or not host or port is None:
        raise ValueError(f"{text} is no host; write pypi.org, pypi.org:443 or *.example.org")
    if is_address(host):
        reason = why_not_public(host)
        if reason or wild:
            raise ValueError(f"{text} is {reason or 'an address'}; workers cannot be allowed to reach it")
    elif len(labels) < 2 or labels[-1].isdecimal():
        raise ValueError(f"{text} is no full name of a host; write it as pypi.org")
    return AllowedHost(name=f"*.{host}" if wild else host, port=port)


def listed_hosts(texts: Iterable[str]) -> tuple[str, ...]:
    """Hosts as they are kept and shown: each once, in a fixed order, with its port.

    Raises:
        ValueError: one of them makes no sense, or there are too many.
    """
    hosts = sorted({parse_host(text) for text in texts})
    if len(hosts) > MOST_HOSTS:
        raise ValueError(f"at most {MOST_HOSTS} hosts can be allowed")
    return tuple(map(str, hosts))


def require_hosts(texts: Iterable[str]) -> tuple[AllowedHost, ...]:
    """Hosts that were kept by `listed_hosts`.

    Raises:
        Refused: somebody else wrote them.
    """
    try:
        return tuple(map(parse_host, texts))
    except ValueError as error:
        raise Refused(f"The allowed hosts cannot be read: {error}.") from None


def split_port(text: str, default: int | None) -> tuple[str, int | None]:
    """Takes `host:port` or `[address]:port` apart; the port is None where what is written is none."""
    if text.startswith("["):
        host, end, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        if not end or (rest and colon != ":"):
            return host, None
    elif text.count(":") > 1 and is_address(text):
        return text, default
    else:
        host, colon, port = text.partition(":")
    if not colon:
        return host, default
    return host, int(port) if _PORT.fullmatch(port) and 0 < int(port) < 1 << 16 else None


def plain_host(text: str) -> str:
    """A host in the one way it is compared: lower case, no dot at the end, addresses in their short form.

    Returns:
        An empty text where it is neither a name of letters, digits and hyphens nor an address.
    """
    host = text.lower().removesuffix(".")
    if is_address(host):
        return str(ip_address(host))
    fits = 0 < len(host) <= _LONGEST_NAME and all(map(_LABEL.fullmatch, host.split(".")))
    return host if fits else ""


def is_address(host: str) -> bool:
    """Whether it is an address and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def why_not_public(address: str) -> str:
    """Why nobody's command may connect to an address; empty when it is one of the public internet.

    Names are no protection: whoever runs a name decides where it points to.
    """
    try:
        found: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return "no address"
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if isinstance(found, IPv6Address) and (found.scope_id or found not in _PUBLIC_V6):
        return "not an address of the public internet"
    if any(found.version == block.version and found in block for block in _NOT_PUBLIC):
        return "not an address of the public internet"
    return ""


def network_words(hosts: Iterable[str]) -> str:
    """What a worker is told of the network: the same words for the whole fleet; empty without hosts."""
    named = ", ".join(hosts)
    if not named:
        return ""
    return (
        f"\nThere is one way out: commands reach {named} through the proxy that HTTPS_PROXY and HTTP_PROXY "
        "name, and no other host.\n"
    )
