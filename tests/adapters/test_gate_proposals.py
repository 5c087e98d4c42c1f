from __future__ import annotations

import json
import tomllib

import pytest

from gastown_desktop.adapters.gate_proposals import FILES, VENV_PYTHON, propose_gates
from gastown_desktop.adapters.repository_config import parse

PYTEST = b"[tool.pytest.ini_options]\n"
PLACEHOLDER = 'echo "Error: no test specified" && exit 1'


def commands(files: dict[str, bytes]) -> list[str]:
    return [proposal.command for proposal in propose_gates(files)]


def package(test: object) -> bytes:
    return json.dumps({"name": "x", "scripts": {"test": test, "build": "tsc"}}).encode()


def test_nothing_known_proposes_nothing() -> None:
    assert propose_gates({}) == ()
    assert (
        propose_gates({"README.md": b"pytest", "tests/": b"", "tox.ini": b"[tox]", "noxfile.py": b""}) == ()
    )


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"pyproject.toml": PYTEST}, "python3 -m pytest"),
        ({"pyproject.toml": b"[tool.pytest]\n"}, "python3 -m pytest"),
        ({"pyproject.toml": b"[project]\n", "tests/": b""}, "python3 -m pytest"),
        ({"pyproject.toml": b"[project]\n", "test/": b""}, "python3 -m pytest"),
        ({"pyproject.toml": PYTEST, VENV_PYTHON: b""}, ".venv/bin/python -m pytest"),
        ({"package.json": package("vitest run")}, "npm test"),
        ({"package.json": package("vitest run"), "package-lock.json": b"{}"}, "npm test"),
        ({"package.json": package("vitest run"), "pnpm-lock.yaml": b""}, "pnpm test"),
        ({"package.json": package("vitest run"), "yarn.lock": b""}, "yarn test"),
        ({"Cargo.toml": b"[package]\n"}, "cargo test --offline"),
        ({"go.mod": b"module x\n"}, "go test ./..."),
        ({"Makefile": b".PHONY: test\n\ntest: build\n\tgo test\n"}, "make test"),
        ({"Makefile": b"$(ALL) lint  test :: build\n\ttrue\n"}, "make test"),
        ({"GNUmakefile": b"check:\n\ttrue\n", "Makefile": b"test:\n"}, "make check"),
        ({"Makefile": b"check: x\ntest: x\n"}, "make test"),
        ({".pre-commit-config.yaml": b"repos: []\n"}, "pre-commit run --all-files"),
    ],
)
def test_each_kind_of_project_has_its_command(files: dict[str, bytes], command: str) -> None:
    (proposal,) = propose_gates(files)
    assert proposal.command == command
    assert proposal.reason
    assert set(files) - {"tests/", "test/", VENV_PYTHON, "package-lock.json"} <= FILES


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": b"[tool.tox]\n[tool.nox]\n"},
        {"pyproject.toml": b"tool = 3\n"},
        {"pyproject.toml": b"[tool\n", "tests/": b""},
        {"pyproject.toml": b"\xff\xfe", "tests/": b""},
        {"pyproject.toml": b"x = " + b"[" * 100_000, "tests/": b""},
        {VENV_PYTHON: b"", "tests/": b""},
        {"package.json": package(PLACEHOLDER)},
        {"package.json": package("  ")},
        {"package.json": package(["vitest"])},
        {"package.json": b'{"scripts": "test"}'},
        {"package.json": b'["test"]'},
        {"package.json": b"{"},
        {"package.json": b"\xff"},
        {"package.json": b"[" * 100_000},
        {"Makefile": b"test := 3\ncheck ::= 4\n\ttest:\nlatest: x\ntest-all:\n# test: no\n"},
        {"Makefile": b"test = a:b\nTEST: x\n"},
        {"Makefile": b"a" + b" " * 1_000_000},
    ],
)
def test_what_is_no_test_or_cannot_be_read_proposes_nothing(files: dict[str, bytes]) -> None:
    assert propose_gates(files) == ()


def test_a_repository_of_many_kinds_gets_them_all_in_a_fixed_order() -> None:
    files = {".pre-commit-config.yaml": b"", "Makefile": b"test:\n", "go.mod": b"", "Cargo.toml": b""}
    files |= {"package.json": package("jest"), "pyproject.toml": PYTEST, VENV_PYTHON: b""}
    expected = [
        ".venv/bin/python -m pytest", "npm test", "cargo test --offline", "go test ./...", "make test",
        "pre-commit run --all-files",
    ]  # fmt: skip
    assert commands(files) == expected
    text = "".join(proposal.toml for proposal in propose_gates(files))
    assert len(tomllib.loads(text)["gates"]) == 6
    gates = parse(text.encode()).gates
    assert [gate.command for gate in gates] == expected
    assert [gate.name for gate in gates] == [proposal.name for proposal in propose_gates(files)]


def test_text_of_the_repository_is_never_part_of_a_proposal() -> None:
    (proposal,) = propose_gates({"package.json": package('rm -rf "$HOME"\x1b[2J')})
    assert proposal.command == "npm test"
    assert "rm -rf" not in proposal.reason + proposal.toml
