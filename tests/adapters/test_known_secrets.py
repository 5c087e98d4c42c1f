from __future__ import annotations

import os
from pathlib import Path

from gastown_desktop.adapters.git.files import read_regular
from gastown_desktop.adapters.known_secrets import find_secrets


def found(tmp_path: Path, *, tracked: str = "", config: tuple[tuple[str, str], ...] = ()) -> dict[str, str]:
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    for folder in (checkout, home):
        folder.mkdir(exist_ok=True)
    secrets = find_secrets(
        checkout,
        home,
        config,
        {"GITHUB_TOKEN": "gh-variable-1"},
        tracked=frozenset([tracked]),
        read=read_regular,
    )
    return {secret.value: secret.name for secret in secrets}


def test_env_files_count_but_not_those_that_are_tracked_or_there_to_be_read(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in (".env", ".env.local", ".env.example", ".env.ci"):
        (checkout / name).write_text(f"API_TOKEN=value-of-{name[1:]}-1\n")
    assert found(tmp_path, tracked=".env.ci") == {
        "value-of-env-1": "API_TOKEN",
        "value-of-env.local-1": "API_TOKEN",
        "gh-variable-1": "GITHUB_TOKEN",
    }


def test_a_value_of_an_env_file_may_go_over_several_lines(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / ".env").write_text('SIGNING_KEY="first-line-1\nsecond-line-2"\n')
    assert found(tmp_path)["first-line-1\nsecond-line-2"] == "SIGNING_KEY"


def test_credentials_of_remotes_count_wherever_git_and_others_keep_them(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text("machine example.org login ada password net-rc-pass-1\n")
    (home / ".git-credentials").write_text("https://ada:stored-pass-1@example.org\n")
    config = (
        ("remote.origin.url", "https://ada:in-url-1@example.org/x"),
        ("http.https://example.org/.extraheader", "AUTHORIZATION: basic QWRhOjEyMzQ1Ng=="),
        ("user.name", "https://not:a-remote-1@x"),
    )
    assert found(tmp_path, config=config) == {
        "net-rc-pass-1": "netrc",
        "stored-pass-1": "git-credentials",
        "in-url-1": "remote.origin.url",
        "QWRhOjEyMzQ1Ng==": "http.https://example.org/.extraheader",
        "gh-variable-1": "GITHUB_TOKEN",
    }


def test_links_and_pipes_in_their_place_are_left_alone(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (tmp_path / "elsewhere").write_text("API_TOKEN=of-somebody-else-1\n")
    (checkout / ".env").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(checkout / ".env.local")
    assert found(tmp_path) == {"gh-variable-1": "GITHUB_TOKEN"}
