"""A provider that cannot prove who it is gets no request, and one that points elsewhere is not followed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import CommandLine, Done
from tests.e2e.real_work import GATE, KEY, Shape, make_repository, script, write_beads
from tests.messages_api.certificate import self_signed
from tests.messages_api.running import RunningServer, running

SHAPE = Shape(turns=3, spread=0, output_tokens=100)


@pytest.fixture
def work(tmp_path: Path) -> tuple[str | Path, ...]:
    """A run of two beads but for its provider."""
    repo = make_repository(tmp_path / "repo", 2).folder
    write_beads(tmp_path / "beads.jsonl", 2, 2)
    return (
        "run",
        repo,
        "--beads",
        tmp_path / "beads.jsonl",
        "--cap",
        "5",
        "--gate",
        GATE,
        "--trust",
        "--yes",
    )


@contextmanager
def over_tls(folder: Path, host: str) -> Iterator[tuple[RunningServer, Path]]:
    """A server with a certificate for a host, and that certificate."""
    folder.mkdir()
    certificate, key = self_signed(folder, host=host)
    with running(script(SHAPE), arguments=["--tls", str(certificate), str(key)]) as server:
        yield server, certificate


def run(
    command_line: CommandLine, work: tuple[str | Path, ...], url: str, trusted: Path | None = None
) -> Done:
    """Runs it; the certificate is trusted in the command's environment alone."""
    trust = {} if trusted is None else {"SSL_CERT_FILE": str(trusted)}
    environment = {"ANTHROPIC_API_KEY": KEY, **trust}
    return command_line.run(*work, "--base-url", url, "--json", environment=environment)


def assert_only_an_error(result: dict[str, Any]) -> str:
    """Asserts that nothing was spent or changed; what the one item says."""
    (need,) = result["needs_you"]
    assert need["about"] == "provider"
    ledger = result["ledger"]
    assert (result["merged"], ledger["settled_usd"], ledger["held_usd"]) == (0, 0, 0)
    assert result["user_repo_untouched"]
    return need["text"]


def assert_refused_and_mended(
    command_line: CommandLine, work: tuple[str | Path, ...], server: RunningServer, done: Done, why: str
) -> None:
    """Asserts that no request left, over TLS or without, and that the words help."""
    result = done.ended(3).json
    text = assert_only_an_error(result)
    assert "TLS certificate" in text
    assert why in text
    assert "No request was sent and nothing was charged." in text
    assert "SSL_CERT_FILE" in text
    assert result["ledger"]["assumed_usd"] == 0
    assert server.requests() == []
    assert server.bill()["counts"] == {}


def test_a_certificate_that_nobody_trusts_is_one_item_and_trusting_it_resumes(
    command_line: CommandLine, work: tuple[str | Path, ...], tmp_path: Path
) -> None:
    with over_tls(tmp_path / "tls", "127.0.0.1") as (server, certificate):
        done = run(command_line, work, server.url)
        assert_refused_and_mended(command_line, work, server, done, "self-signed certificate")
        environment = {"ANTHROPIC_API_KEY": KEY, "SSL_CERT_FILE": str(certificate)}
        resumed = command_line.run("resume", work[1], "--json", environment=environment).ended(0).json
        assert (resumed["merged"], resumed["needs_you"]) == (2, [])


def test_a_trusted_certificate_for_another_host_is_refused(
    command_line: CommandLine, work: tuple[str | Path, ...], tmp_path: Path
) -> None:
    with over_tls(tmp_path / "tls", "api.elsewhere.test") as (server, certificate):
        done = run(command_line, work, server.url, certificate)
        assert_refused_and_mended(command_line, work, server, done, "mismatch")


def test_a_mayor_that_meets_a_certificate_nobody_trusts_says_so(
    command_line: CommandLine, work: tuple[str | Path, ...], tmp_path: Path
) -> None:
    asked = ("run", work[1], "--goal", "Anything", *work[4:])
    with over_tls(tmp_path / "tls", "127.0.0.1") as (server, _):
        result = run(command_line, asked, server.url).ended(3).json
        (need,) = result["needs_you"]
        assert "TLS certificate" in need["text"]
        assert "nothing was charged" in need["text"]
        assert server.bill()["counts"] == {}


def test_a_server_without_tls_at_an_address_with_tls_is_not_asked_in_the_clear(
    command_line: CommandLine, work: tuple[str | Path, ...]
) -> None:
    with running(script(SHAPE)) as server:
        result = run(command_line, work, server.url.replace("http:", "https:")).ended(3).json
        assert "TLS" in assert_only_an_error(result)
        assert server.bill()["counts"] == {}


@pytest.mark.parametrize(
    "elsewhere", ["http://localhost:{port}/v1/messages", "//localhost:{port}/v1/messages"]
)
def test_an_address_that_points_to_another_host_is_not_followed(
    command_line: CommandLine, work: tuple[str | Path, ...], elsewhere: str
) -> None:
    with running(script(SHAPE)) as other:
        location = elsewhere.format(port=other.url.rpartition(":")[2])
        with running(script(SHAPE), arguments=["--redirect", location]) as server:
            result = run(command_line, work, server.url).ended(3).json
            assert "not sent on" in assert_only_an_error(result)
            assert len(server.requests()) <= 2
            assert server.bill(idle=True)["total_nano"] == 0
        assert other.bill()["counts"] == {}
        assert result["ledger"]["assumed_usd"] <= 5
