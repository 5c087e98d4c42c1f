"""A remote is fetched and pushed to from town.git; the user's repository has no part in it and no say."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.remote import GitRemote, find_remote
from gastown_desktop.adapters.git.town import open_town
from gastown_desktop.adapters.git.user_repository import differences, fingerprint, inspect
from gastown_desktop.core.errors import DiskBroken, DiskFull, Refused, RemoteUnreachable
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.process_ports import Finished
from tests.builders import RepositoryBuilder


@dataclass(kw_only=True)
class Case:
    """A user's repository, its town, and a bare repository that it names `origin`."""

    git: GitCommand
    repo: RepositoryBuilder
    town: Path
    origin: Path
    start: Oid

    async def remote(self, name: str = "origin") -> GitRemote:
        return await find_remote(self.git, self.town, await inspect(self.git, self.repo.folder), name)

    def there(self, branch: str = "main") -> str:
        return self.repo.git("ls-remote", str(self.origin), f"refs/heads/{branch}").partition("\t")[0]

    def colleague(self, text: str) -> Oid:
        """Somebody else's commit on origin's main."""
        clone = self.origin.with_name(f"colleague-{text}")
        self.repo.git("clone", "-q", str(self.origin), str(clone))
        other = RepositoryBuilder.__new__(RepositoryBuilder)
        other.folder, other.git_dir, other._minute = clone, clone / ".git", 5
        commit = Oid(other.write(f"{text}.txt", text).commit(text))
        other.git("push", "-q", "origin", "HEAD:main")
        return commit

    def commit(self, parent: Oid, name: str) -> Oid:
        """A commit that only town.git has."""
        command = ("commit-tree", "-p", parent, "-m", name, f"{parent}^{{tree}}")
        return Oid(self.repo.git("--git-dir", str(self.town), *command))


@pytest_asyncio.fixture
async def case(git: GitCommand, tmp_path: Path) -> Case:
    repo = RepositoryBuilder(tmp_path / "rig")
    start = Oid(repo.write("a.txt", "one\n").commit("Start"))
    origin = tmp_path / "origin.git"
    repo.git("clone", "-q", "--bare", str(repo.folder), str(origin))
    repo.git("remote", "add", "origin", str(origin))
    repo.git("fetch", "-q", "origin")
    town = await open_town(git, tmp_path / "data", repo.git_dir)
    return Case(git=git, repo=repo, town=town, origin=origin, start=start)


async def test_fetching_brings_what_is_there_and_touches_nothing_of_the_user(case: Case) -> None:
    theirs = case.colleague("theirs")
    facts = await inspect(case.git, case.repo.folder)
    before = await fingerprint(case.git, facts)
    assert await (await case.remote()).fetch("main") == theirs
    assert differences(before, await fingerprint(case.git, facts)) == []
    assert case.repo.git("rev-parse", "refs/remotes/origin/main") == case.start
    assert (
        case.repo.git("--git-dir", str(case.town), "rev-parse", "refs/gastown/remote/origin/main") == theirs
    )


async def test_a_branch_that_is_not_there_is_none_also_after_it_was(case: Case) -> None:
    remote = await case.remote()
    assert await remote.fetch("topic") is None
    await remote.push("topic", case.start)
    assert await remote.fetch("topic") == case.start
    case.repo.git("--git-dir", str(case.origin), "update-ref", "-d", "refs/heads/topic")
    assert await remote.fetch("topic") is None


async def test_pushing_moves_a_branch_forward_and_makes_new_ones(case: Case) -> None:
    new, remote = case.commit(case.start, "New"), await case.remote()
    assert (await remote.push("main", new)).taken
    assert (await remote.push("gastown/ada/cv-1", new)).taken
    assert (await remote.push("main", new)).taken
    assert case.there() == case.there("gastown/ada/cv-1") == new
    assert case.repo.git("rev-parse", "refs/remotes/origin/main") == case.start


@pytest.mark.parametrize("fetched", [False, True])
async def test_pushing_over_somebody_s_work_is_rejected(case: Case, fetched: bool) -> None:
    theirs, remote = case.colleague("theirs"), await case.remote()
    if fetched:
        await remote.fetch("main")
    answer = await remote.push("main", case.commit(case.start, "New"))
    assert (answer.taken, answer.moved) == (False, True)
    assert case.there() == theirs


async def test_nothing_is_said_to_a_remote_that_is_not_trusted_any_more(case: Case) -> None:
    remote = await case.remote()
    looked: list[str] = []

    async def look() -> None:
        looked.append(case.there())
        if len(looked) > 1:
            raise Refused("It would run something else.")

    remote.before_talking = look
    assert await remote.fetch("main") == case.start
    with pytest.raises(Refused, match="something else"):
        await remote.push("main", case.commit(case.start, "mine"))
    assert case.there() == case.start


async def test_what_a_hook_there_says_is_told(case: Case) -> None:
    hook = case.origin / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    answer = await (await case.remote()).push("main", case.commit(case.start, "New"))
    assert (answer.taken, answer.moved) == (False, False)
    assert "main is protected" in answer.words


async def test_a_remote_that_is_away_is_unreachable(case: Case) -> None:
    remote = await case.remote()
    case.origin.rename(case.origin.with_name("away.git"))
    with pytest.raises(RemoteUnreachable, match="origin did not answer") as fetched:
        await remote.fetch("main")
    with pytest.raises(RemoteUnreachable) as pushed:
        await remote.push("main", case.start)
    assert (fetched.value.waiting_helps, pushed.value.waiting_helps) == (False, False)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("fatal: unable to write new index file: No space left on device", DiskFull),
        ("error: file write error: Input/output error", DiskBroken),
        ("remote: fatal: cannot read a pack: Input/output error", RemoteUnreachable),
        ("fatal: the remote end hung up unexpectedly", RemoteUnreachable),
    ],
)
async def test_trouble_of_the_disk_here_is_not_told_as_a_remote_that_is_silent(
    case: Case, monkeypatch: pytest.MonkeyPatch, said: str, error: type[Exception]
) -> None:
    remote, run = await case.remote(), case.git.run

    async def fail(*args: Any, **given: Any) -> Finished:
        done = await run(*args, **given)
        if args[0] not in {"fetch", "push"}:
            return done
        return replace(done, exit_code=128, output=b"", error=f"{said}\n".encode())

    monkeypatch.setattr(case.git, "run", fail)
    for asked in (remote.fetch("main"), remote.push("main", case.start)):
        with pytest.raises(error):
            await asked


async def test_a_remote_that_nobody_named_is_refused_and_the_others_are_listed(case: Case) -> None:
    with pytest.raises(Refused) as caught:
        await case.remote("upstream")
    assert "origin" in caught.value.remedy


# --- hostile configuration ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["ext::sh -c evil", "fd::3", "evil://host/x", "origin.git", ".git/inner", "~nobody-of-that-name/x"]
)
async def test_an_address_that_would_run_something_is_refused(case: Case, url: str) -> None:
    case.repo.git("config", "remote.origin.url", url)
    with pytest.raises(Refused):
        await case.remote()


async def test_nothing_that_the_repository_configures_runs(case: Case, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    evil = f"touch {ran}; false"
    for key, value in {
        "core.sshCommand": evil,
        "core.askPass": evil,
        "core.gitProxy": evil,
        "core.fsmonitor": evil,
        "core.alternateRefsCommand": evil,
        "credential.helper": f"!{evil}",
        "protocol.ext.allow": "always",
        "protocol.allow": "always",
        "remote.origin.uploadpack": evil,
        "remote.origin.receivepack": evil,
        "remote.origin.proxy": "http://evil.invalid",
        f"url.ext::sh -c 'touch {ran}' .insteadOf": str(case.origin),
        "push.gpgSign": "true",
        "gpg.program": evil,
    }.items():
        case.repo.git("config", key, value)
    case.repo.write(".git/hooks/pre-push", f"#!/bin/sh\ntouch {ran}\n", executable=True)
    case.repo.write(".git/hooks/reference-transaction", f"#!/bin/sh\ntouch {ran}\n", executable=True)
    remote = await case.remote()
    assert await remote.fetch("main") == case.start
    assert (await remote.push("main", case.commit(case.start, "New"))).taken
    for url in ("ssh://nobody@127.0.0.1:1/x", "git://127.0.0.1:1/x", "https://127.0.0.1:1/x"):
        case.repo.git("config", "remote.origin.url", url)
        with pytest.raises(RemoteUnreachable) as failure:
            await (await case.remote()).fetch("main")
        assert failure.value.waiting_helps
    assert not ran.exists()


# --- the user's own configuration -----------------------------------------------------------------


def configure(*settings: str) -> None:
    for setting in settings:
        key, _, value = setting.partition("=")
        subprocess.run(["git", "config", "--global", "--add", key, value], check=True)


async def test_the_user_s_ssh_command_and_addresses_are_used(case: Case, tmp_path: Path) -> None:
    script = tmp_path / "ssh"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexit 255\n')
    script.chmod(0o755)
    configure(f"core.sshCommand={script}", "url.ssh://git@example.invalid/.insteadOf=work:")
    case.repo.git("config", "remote.origin.url", "work:rig.git")
    with pytest.raises(RemoteUnreachable):
        await (await case.remote()).fetch("main")
    assert "git@example.invalid git-upload-pack '/rig.git'" in (tmp_path / "asked").read_text()


async def test_an_include_that_is_for_this_repository_is_followed(case: Case, tmp_path: Path) -> None:
    own = tmp_path / "work.config"
    own.write_text(f'[core]\n\tsshCommand = "touch {tmp_path}/asked; false"\n')
    configure(f"includeIf.gitdir:{case.repo.folder}/.path={own}")
    case.repo.git("config", "remote.origin.url", "git@example.invalid:rig.git")
    with pytest.raises(RemoteUnreachable):
        await (await case.remote()).fetch("main")
    assert (tmp_path / "asked").exists()


async def test_every_credential_helper_of_the_user_is_in_force(case: Case) -> None:
    from gastown_desktop.adapters.git.own_config import TRANSPORT, as_environment, own_config

    configure("credential.helper=one", "credential.helper=two", "push.followTags=true")
    environment = as_environment(await own_config(case.git, case.repo.git_dir), TRANSPORT)
    told = await case.git.run(
        "config", "--get-all", "credential.helper", git_dir=case.town, environment=environment
    )
    assert told.output.decode().split() == ["one", "two"]
    follow = ("config", "--get", "push.followTags")
    assert (
        await case.git.run(*follow, git_dir=case.town, environment=environment, check=False)
    ).exit_code == 1
    assert environment["HOME"] == os.environ["HOME"]
