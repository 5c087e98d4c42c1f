from __future__ import annotations

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from gastown_desktop.adapters.git import trust
from gastown_desktop.adapters.git.trust import TrustList, TrustStore, what_runs_there, what_would_run
from gastown_desktop.adapters.git.user_repository import inspect
from gastown_desktop.core.errors import StoreError
from tests.builders import RepositoryBuilder

if TYPE_CHECKING:
    from pathlib import Path

    from gastown_desktop.adapters.git.command import GitCommand


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryBuilder:
    repo = RepositoryBuilder(tmp_path / "repo")
    repo.write("a.txt", "1\n").commit("One")
    return repo


async def listed(
    git: GitCommand, repo: RepositoryBuilder, gates: tuple[tuple[str, str], ...] = ()
) -> TrustList:
    return await what_would_run(git, await inspect(git, repo.folder), gates, ())


def names(trust: TrustList) -> set[tuple[str, str]]:
    return {(item.kind, item.name) for item in trust.items}


async def test_plain_repository_would_run_its_gates_and_setup_only(
    git: GitCommand, repo: RepositoryBuilder
) -> None:
    found = await what_would_run(
        git, await inspect(git, repo.folder), [("tests", "pytest")], ["pip install ."]
    )

    assert [(item.kind, item.name, item.value) for item in found.items] == [
        ("gate", "tests", "pytest"),
        ("setup", "1", "pip install ."),
    ]


PROGRAMS = {
    "core.fsmonitor": "evil",
    "core.sshcommand": "evil",
    "core.pager": "evil",
    "core.editor": "evil",
    "core.hookspath": "hooks",
    "filter.lfs.clean": "git-lfs clean",
    "filter.a=b.process": "evil",
    "diff.word.textconv": "evil",
    "diff.word.command": "evil",
    "merge.ours.driver": "true",
    "credential.helper": "store",
    "credential.https://example.org.helper": "evil",
    "alias.st": "!evil",
    "gpg.program": "evil",
    "mergetool.vimdiff.path": "evil",
    "imap.tunnel": "evil",
    "gc.recentobjectshook": "evil",
    "remote.origin.uploadpack": "evil",
    "remote.origin.url": "ext::sh -c evil",
    "submodule.lib.update": "!evil",
}


async def test_copied_files_and_hosts_of_setup_are_listed_and_belong_to_the_digest(
    git: GitCommand, repo: RepositoryBuilder
) -> None:
    facts = await inspect(git, repo.folder)

    async def asked(hosts: tuple[str, ...] = (), copied: tuple[str, ...] = ()) -> TrustList:
        return await what_would_run(git, facts, [], ["uv sync"], setup_hosts=hosts, copied=copied)

    whole = await asked(("pypi.org:443",), ("config/local.json",))
    assert [(item.kind, item.name, item.value) for item in whole.items] == [
        ("setup", "1", "uv sync"),
        ("copy", "config/local.json", ""),
        ("network", "pypi.org:443", "for setup only"),
    ]
    digests = {whole.digest, (await asked(("pypi.org:443",))).digest, (await asked()).digest}
    assert len(digests) == 3


async def test_every_configured_program_is_listed(git: GitCommand, repo: RepositoryBuilder) -> None:
    for key, value in PROGRAMS.items():
        repo.git("config", key, value)

    assert names(await listed(git, repo)) == {("program", key) for key in PROGRAMS}


async def test_what_runs_nothing_is_not_listed(git: GitCommand, repo: RepositoryBuilder) -> None:
    for key, value in {
        "alias.co": "checkout",
        "core.fsmonitor": "true",
        "pager.log": "false",
        "user.name": "x",
    }.items():
        repo.git("config", key, value)
    repo.write(".git/hooks/pre-commit.sample", "#!/bin/sh\n", executable=True).write(
        ".git/hooks/notes", "text\n"
    )

    assert (await listed(git, repo)).items == ()


async def test_included_configuration_counts(git: GitCommand, repo: RepositoryBuilder) -> None:
    repo.write("shared.config", "[core]\n\tpager = evil\n")
    repo.git("config", "include.path", "../shared.config")

    assert names(await listed(git, repo)) == {("program", "core.pager")}


async def test_hooks_and_submodules_are_listed_where_they_are(
    git: GitCommand, repo: RepositoryBuilder
) -> None:
    repo.write("my-hooks/pre-push", "#!/bin/sh\n", executable=True)
    repo.write(".gitmodules", '[submodule "lib"]\n\tpath = lib\n\turl = https://example.org/lib\n')
    repo.git("config", "core.hooksPath", "my-hooks")

    assert names(await listed(git, repo)) == {
        *(("program", "core.hookspath"), ("hook", "pre-push"), ("submodule", "lib")),
    }


async def test_hosts_that_may_be_reached_belong_to_the_list(git: GitCommand, repo: RepositoryBuilder) -> None:
    facts, gates = await inspect(git, repo.folder), [("tests", "pytest")]
    lists = [
        await what_would_run(git, facts, gates, (), hosts=hosts)
        for hosts in ((), ("pypi.org:443",), ("a.org:443", "pypi.org:443"))
    ]
    assert names(lists[1]) == {("gate", "tests"), ("network", "pypi.org:443")}
    assert len({trust.digest for trust in lists}) == 3
    assert lists[0].digest == (await listed(git, repo, (("tests", "pytest"),))).digest


async def test_digest_changes_with_what_would_run(git: GitCommand, repo: RepositoryBuilder) -> None:
    digests = [(await listed(git, repo)).digest]
    repo.write(".git/hooks/pre-push", "#!/bin/sh\n", executable=True)
    digests.append((await listed(git, repo)).digest)
    repo.write(".git/hooks/pre-push", "#!/bin/sh\nevil\n", executable=True)
    digests.append((await listed(git, repo)).digest)
    digests.append((await listed(git, repo, (("tests", "pytest"),))).digest)

    assert len(set(digests)) == 4
    assert (await listed(git, repo, (("tests", "pytest"),))).digest == digests[-1]


async def test_a_hook_counts_to_its_last_byte_however_large_it_is(
    git: GitCommand, repo: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    harmless = "#!/bin/sh\n" + "# harmless\n" * 150_000
    for limit in (trust._LARGEST_HOOK, 1_000):
        monkeypatch.setattr(trust, "_LARGEST_HOOK", limit)
        repo.write(".git/hooks/pre-push", harmless, executable=True)
        before = await listed(git, repo)
        assert (await listed(git, repo)).digest == before.digest
        repo.write(".git/hooks/pre-push", harmless[:-5] + "evil\n", executable=True)
        assert (await listed(git, repo)).digest != before.digest


async def test_a_folder_for_hooks_that_nobody_can_have_is_listed_as_it_is(
    git: GitCommand, repo: RepositoryBuilder
) -> None:
    repo.git("config", "core.hooksPath", "~nobody-is-called-so/hooks")
    assert names(await what_runs_there(git, repo.folder)) == {("program", "core.hookspath")}


@pytest.mark.parametrize(("hooks", "said"), [("../.githooks", True), (".", False), ("/elsewhere", False)])
async def test_a_remote_whose_hooks_come_with_a_push_says_so(
    git: GitCommand, repo: RepositoryBuilder, hooks: str, said: bool
) -> None:
    repo.git("config", "core.hooksPath", hooks)
    assert ("hook", "whatever is pushed") not in names(await what_runs_there(git, repo.folder))
    repo.git("config", "receive.denyCurrentBranch", "updateInstead")
    found = names(await what_runs_there(git, repo.folder))
    assert (("hook", "whatever is pushed") in found) == said


def test_trust_is_bound_to_path_and_list(tmp_path: Path) -> None:
    store = TrustStore(tmp_path / "data" / "trust.json")
    assert not store.is_trusted(tmp_path, "one")

    store.trust(tmp_path, "one")

    again = TrustStore(tmp_path / "data" / "trust.json")
    assert again.is_trusted(tmp_path, "one")
    assert not again.is_trusted(tmp_path, "two")
    assert not again.is_trusted(tmp_path / "other", "one")
    again.forget(tmp_path)
    assert not store.is_trusted(tmp_path, "one")


def test_what_a_remote_runs_is_agreed_to_for_one_repository_and_forgotten_with_it(tmp_path: Path) -> None:
    store = TrustStore(tmp_path / "trust.json")
    own, other, remote = (tmp_path / name for name in ("own", "own-too", "remote"))
    for repository in (own, other):
        store.trust(repository, "one", remote=remote)
    assert not store.is_trusted(own, "one")
    assert not store.is_trusted(remote, "one")
    assert store.is_trusted(own, "one", remote=remote)
    assert store.knows(own)
    store.forget(own)
    assert not store.knows(own)
    assert store.is_trusted(other, "one", remote=remote)


def test_consents_that_are_given_at_once_are_all_kept(tmp_path: Path) -> None:
    places = [tmp_path / str(number) for number in range(24)]
    with ThreadPoolExecutor(len(places)) as pool:
        list(pool.map(lambda place: TrustStore(tmp_path / "trust.json").trust(place, "one"), places))
    assert all(TrustStore(tmp_path / "trust.json").is_trusted(place, "one") for place in places)


def test_a_consent_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TrustStore(tmp_path / "trust.json")
    store.trust(tmp_path, "one")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="Trust could not be written"):
        store.trust(tmp_path, "two")
    assert store.is_trusted(tmp_path, "one")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["trust.json", "trust.json.lock"]


def test_trust_file_is_private_and_a_damaged_one_trusts_nothing(tmp_path: Path) -> None:
    store = TrustStore(tmp_path / "trust.json")
    store.trust(tmp_path, "one")
    assert stat.S_IMODE((tmp_path / "trust.json").stat().st_mode) == 0o600

    for damage in ("", "[1]", "{not json", '{"x": 3}'):
        (tmp_path / "trust.json").write_text(damage)
        assert not store.is_trusted(tmp_path, "one")


async def test_what_was_agreed_to_with_a_sandbox_is_another_list_without_one(
    git: GitCommand, repo: RepositoryBuilder
) -> None:
    facts, gates = await inspect(git, repo.folder), [("tests", "pytest")]
    confined = await what_would_run(git, facts, gates, ())
    without = await what_would_run(git, facts, gates, (), confined=False)
    assert names(without) - names(confined) == {("unconfined", "no sandbox")}
    assert without.digest != confined.digest


async def test_a_folder_that_is_a_remote_is_listed_with_its_hooks_and_programs_wherever_git_finds_it(
    git: GitCommand, tmp_path: Path
) -> None:
    repo = RepositoryBuilder(tmp_path / "beside")
    repo.write("a.txt", "one\n").commit("Start")
    assert (await what_runs_there(git, repo.folder)).items == ()
    assert (await what_runs_there(git, tmp_path / "nothing")).items == ()
    repo.write(".git/hooks/update", "#!/bin/sh\n", executable=True)
    repo.git("config", "filter.x.smudge", "evil")
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / ".git").write_text(f"gitdir: {repo.git_dir}\n")
    repo.folder.rename(tmp_path / "far")
    (tmp_path / "beside.git").symlink_to(tmp_path / "far" / ".git")
    for place in (tmp_path / "far", tmp_path / "far" / ".git", tmp_path / "beside"):
        listed = await what_runs_there(git, place)
        assert names(listed) == {("hook", "update"), ("program", "filter.x.smudge")}, place
    (tmp_path / "link" / ".git").write_text(f"gitdir: {tmp_path / 'far' / '.git'}\n")
    assert names(await what_runs_there(git, tmp_path / "link"))
