from __future__ import annotations

import pytest

from gastown_desktop.core.allowed_hosts import (
    AllowedHost,
    listed_hosts,
    network_words,
    parse_host,
    plain_host,
    require_hosts,
    split_port,
    why_not_public,
)
from gastown_desktop.core.errors import Refused


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pypi.org", "pypi.org:443"),
        (" PyPI.org. ", "pypi.org:443"),
        ("pypi.org:80", "pypi.org:80"),
        ("*.Example.org", "*.example.org:443"),
        ("xn--fa-hia.de", "xn--fa-hia.de:443"),
        ("8.8.8.8", "8.8.8.8:443"),
        ("2606:4700::1111", "[2606:4700::1111]:443"),
        ("[2606:4700:0::1111]:8443", "[2606:4700::1111]:8443"),
    ],
)
def test_a_host_is_kept_in_one_spelling(text: str, shown: str) -> None:
    host = parse_host(text)
    assert str(host) == shown
    assert parse_host(str(host)) == host


@pytest.mark.parametrize(
    "text",
    [
        *("", ":443", "localhost", "intranet:80", "*", "*.org", "*.*.org", "a.*.org", "*pypi.org", "faß.de"),
        *("https://pypi.org", "pypi.org/simple", "me@pypi.org", "pypi.org:", "pypi.org:0", "pypi.org:65536"),
        *("pypi.org:https", "-a.org", "a-.org", "a..org", ".org", "1.2.3", "127.1", "0x7f.0.0.1", "a b.org"),
        *("127.0.0.1", "10.0.0.5:443", "169.254.169.254:80", "[::1]:443", "*.8.8.8.8", "[8.8.8.8"),
        *(f"{'a' * 64}.org", f"{'a.' * 130}org", "pypi.org:४४३"),
    ],
)
def test_what_is_no_host_of_the_public_internet_cannot_be_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"is (no|not|an) "):
        parse_host(text)


@pytest.mark.parametrize(
    ("allowed", "host", "port", "covered"),
    [
        ("pypi.org", "pypi.org", 443, True),
        ("pypi.org", "pypi.org", 80, False),
        ("pypi.org", "evil-pypi.org", 443, False),
        ("pypi.org", "files.pypi.org", 443, False),
        ("pypi.org", "pypi.org.evil.net", 443, False),
        ("*.example.org", "a.example.org", 443, True),
        ("*.example.org", "a.b.example.org", 443, True),
        ("*.example.org", "example.org", 443, False),
        ("*.example.org", "evilexample.org", 443, False),
        ("*.example.org", "a.example.org.evil.net", 443, False),
        ("8.8.8.8", "8.8.8.8", 443, True),
        ("8.8.8.8", "8.8.4.4", 443, False),
    ],
)
def test_only_what_is_listed_is_covered(allowed: str, host: str, port: int, covered: bool) -> None:
    assert parse_host(allowed).covers(host, port) is covered


@pytest.mark.parametrize(
    ("asked", "host"),
    [
        ("PyPI.ORG.", "pypi.org"),
        ("::FFFF:8.8.8.8", "::ffff:808:808"),
        ("2606:4700:0000::1111", "2606:4700::1111"),
        ("pypi.org..", ""),
        ("pypi.org\0.evil.net", ""),
        ("pypi.org@evil.net", ""),
        ("ｐypi.org", ""),
        ("fe80::1%eth0/../x", ""),
    ],
)
def test_a_host_that_is_asked_for_has_one_spelling_or_is_none(asked: str, host: str) -> None:
    assert plain_host(asked) == host


def test_ports_are_taken_apart() -> None:
    assert split_port("a.org:80", 443) == ("a.org", 80)
    assert split_port("[::1]:80", 443) == ("::1", 80)
    assert split_port("[::1]80", 443) == ("::1", None)
    assert split_port("::1", 443) == ("::1", 443)
    assert split_port("a.org:80:90", 443) == ("a.org", None)
    assert split_port("a.org", None) == ("a.org", None)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "203.0.113.9"),
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", "fe80::1%eth0"),
        *(
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::1",
            "64:ff9b::7f00:1",
        ),
        *("3fff::1", "4000::1", "2606:4700::1111%eth0", "pypi.org", ""),
    ],
)
def test_addresses_of_this_machine_its_neighbours_and_clouds_are_not_public(address: str) -> None:
    assert why_not_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "8.8.8.8",
            "151.101.0.223",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "168.63.129.17",
        ),
        *("2606:4700::1111", "2a04:4e42::223", "::ffff:8.8.8.8"),
    ],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert why_not_public(address) == ""


def test_a_list_has_one_order_and_no_doubles() -> None:
    assert listed_hosts(["pypi.org", "a.org:80", "PYPI.org:443"]) == ("a.org:80", "pypi.org:443")
    assert require_hosts(("a.org:80",)) == (AllowedHost(name="a.org", port=80),)
    with pytest.raises(ValueError, match="at most 50"):
        listed_hosts(f"h{number}.org" for number in range(51))
    with pytest.raises(Refused, match="cannot be read"):
        require_hosts(["localhost"])


def test_workers_are_told_what_they_reach_in_one_sentence() -> None:
    assert network_words(()) == ""
    told = network_words(("a.org:443", "pypi.org:443"))
    assert "commands reach a.org:443, pypi.org:443 through the proxy" in told
    assert told.strip().count("\n") == 0
