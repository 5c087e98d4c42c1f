"""Repositories whose configuration, attributes and hooks name programs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from gastown_desktop.adapters.git.remote import find_remote
from gastown_desktop.core.errors import Refused, RemoteUnreachable
from tests.hostile.repositories.case import Act, Case
from tests.hostile.repositories.ground import Ground

_ALL_TRANSPORTS = ("-c", "protocol.ext.allow=always", "-c", "protocol.file.allow=always")
"""What a user has set who uses submodules of such kinds."""
_NOBODY = "127.0.0.1:1"
"""A port at which nobody listens."""


def _with(*pairs: tuple[str, str]) -> Callable[[Ground], None]:
    """A history, and lines of `.git/config` in which `@EVIL@` is the planted program."""

    def plant(ground: Ground) -> None:
        ground.history()
        for key, value in pairs:
            ground.configure(*(text.replace("@EVIL@", ground.evil) for text in (key, value)))

    return plant


def _with_hook(name: str) -> Callable[[Ground], None]:
    def plant(ground: Ground) -> None:
        ground.history()
        ground.hook(name)

    return plant


def _git(*args: str, terminal: bool = False) -> Act:
    """What a user types who has the repository."""
    return lambda ground: ground.plain(*args, terminal=terminal) and None


def whole_way(ground: Ground) -> None:
    """Rehearses, tells about it, lands where it is checked out, pushes: all that touches the repository."""
    ground.rehearse()
    ground.command("status", ground.project).ended(0)
    ground.land("--remote", "origin")
    assert (ground.linked / "a.txt").read_text() == "one\ntwo\n"
    assert ground.repo.git("ls-remote", str(ground.remote), "refs/heads/scratch")


def _hooks_there(ground: Ground) -> None:
    ground.history()
    for name in ("pre-receive", "update", "post-receive", "reference-transaction"):
        ground.hook(name, ground.remote / "hooks")


def _asks_about_the_remote(ground: Ground) -> None:
    """Lands on the remote only when the user agreed to what it would run."""
    ground.rehearse()
    told = ground.command("land", ground.project, "--on", "scratch", "--yes", "--remote", "origin").ended(2)
    assert "pre-receive" in told.err
    assert str(ground.remote) in told.err


async def _fetches(ground: Ground) -> None:
    """Asks the remote through the program's adapter, which does not wait half a minute for it."""
    async with ground.rig() as rig:
        with suppress(RemoteUnreachable, Refused):
            remote = await find_remote(rig.git, rig.town, rig.facts, "origin")
            await remote.fetch("main")
            await remote.push("main", rig.tip)


def _touched(ground: Ground, name: str) -> None:
    """Files look modified, so that git compares their content."""
    for folder in (ground.project, ground.linked):
        (folder / name).touch()


def _clean_filter(ground: Ground) -> None:
    _with(("filter.clean.clean", "@EVIL@"))(ground)
    _touched(ground, "clean.txt")


def _in_file_of(name: str, include: str) -> Callable[[Ground], None]:
    """The filter is configured in another file, which `.git/config` includes."""

    def plant(ground: Ground) -> None:
        ground.history()
        other = ground.project / "ignored" / f"{name}.config"
        ground.configure(f"filter.{name}.clean", ground.evil, file=other)
        ground.configure(include, f"../ignored/{name}.config")
        _touched(ground, f"{name}.txt")

    return plant


def _in_worktree_file(ground: Ground) -> None:
    ground.history()
    ground.configure("extensions.worktreeConfig", "true")
    ground.configure("filter.own.clean", ground.evil, file=ground.repo.git_dir / "config.worktree")
    _touched(ground, "own.txt")


def _hooks_that_are_tracked(ground: Ground) -> None:
    ground.history()
    for name in ("pre-commit", "post-checkout", "reference-transaction", "post-merge"):
        ground.hook(name, ground.project / "hooks")
    ground.repo.commit("Hooks for all")
    ground.configure("core.hooksPath", str(ground.project / "hooks"))


def _asks_password(key: str) -> Callable[[Ground], None]:
    def plant(ground: Ground) -> None:
        ground.history()
        ground.configure("remote.origin.url", ground.asks_for_passwords() + "/x.git")
        ground.configure(key, f"!{ground.evil}" if key == "credential.helper" else ground.evil)

    return plant


def _promisor(*pairs: tuple[str, str]) -> Callable[[Ground], None]:
    """Objects that are said to be on a server, and a program that gets them."""

    def plant(ground: Ground) -> None:
        ground.history()
        oid = ground.repo.git("rev-parse", "HEAD:b.txt")
        (ground.repo.git_dir / "objects" / oid[:2] / oid[2:]).unlink()
        ground.notes["missing"] = oid
        for key, value in pairs:
            ground.configure(key, value.replace("@EVIL@", ground.evil))

    return plant


def _wants_missing(ground: Ground) -> None:
    ground.plain("cat-file", "-p", ground.notes["missing"])


def _is_refused(ground: Ground) -> None:
    done = ground.rehearse(code=-1)
    assert done.code in {1, 2}, done
    assert done.err


def _submodule(name: str, url: str, *pairs: tuple[str, str]) -> Callable[[Ground], None]:
    def plant(ground: Ground) -> None:
        ground.history()
        if not ground.other.exists():
            ground.make_other()
        oid = ground.plain("rev-parse", "HEAD", cwd=ground.other).strip()
        modules = ground.project / ".gitmodules"
        known = modules.read_text() if modules.exists() else ""
        place = url.replace("@EVIL@", ground.evil).replace("@OTHER@", str(ground.other))
        modules.write_text(f'{known}[submodule "{name}"]\n\tpath = {name}\n\turl = {place}\n')
        ground.repo.git("add", ".gitmodules")
        ground.repo.submodule_bump(name, oid).commit("A library", everything=False)
        for key, value in (("url", place), *pairs):
            ground.configure(f"submodule.{name}.{key}", value.replace("@EVIL@", ground.evil))

    return plant


def _alternate_refs(ground: Ground) -> None:
    _with(("core.alternateRefsCommand", "@EVIL@"))(ground)
    (ground.repo.git_dir / "objects/info/alternates").write_text(f"{ground.remote}/objects\n")


def _merges_fast(ground: Ground) -> None:
    ground.plain("merge", "-q", "--ff-only", "main", cwd=ground.linked)


CASES = (
    Case(
        name="submodule-that-is-a-program",
        wish="have a submodule fetched by a transport that runs a program",
        plant=_submodule("lib", "ext::@EVIL@"),
        control=_git(*_ALL_TRANSPORTS, "submodule", "update", "--init"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="submodule-update-command",
        wish="have a submodule updated by a command",
        plant=_submodule("part", "@OTHER@", ("update", "!@EVIL@")),
        control=_git(*_ALL_TRANSPORTS, "submodule", "update", "--init"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="fsmonitor",
        wish="run as the monitor of the file system",
        plant=_with(("core.fsmonitor", "@EVIL@")),
        control=_git("status"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="clean-filter",
        wish="run when git compares a file",
        plant=_clean_filter,
        control=_git("status"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="smudge-filter",
        wish="run when a file is checked out",
        plant=_with(("filter.smudge.smudge", "@EVIL@"), ("filter.smudge.required", "true")),
        control=_git("checkout", "scratch", "--", "."),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="process-filter",
        wish="run as a filter that stays",
        plant=_with(("filter.process.process", "@EVIL@")),
        control=_git("checkout", "scratch", "--", "."),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="textconv",
        wish="run when a difference is shown",
        plant=_with(("diff.textconv.textconv", "@EVIL@")),
        control=_git("log", "-p"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="diff-driver",
        wish="run as a program for differences of some files",
        plant=_with(("diff.command.command", "@EVIL@")),
        control=_git("diff", "scratch"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="external-diff",
        wish="run as the program for all differences",
        plant=_with(("diff.external", "@EVIL@")),
        control=_git("diff", "scratch"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="merge-driver",
        wish="run when two sides of a file are merged",
        plant=_with(("merge.driver.driver", "@EVIL@ %A")),
        control=_git("merge", "side"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="hook-post-checkout",
        wish="run after a checkout",
        plant=_with_hook("post-checkout"),
        control=_git("checkout", "-b", "x"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="hook-pre-commit",
        wish="run before a commit",
        plant=_with_hook("pre-commit"),
        control=_git("commit", "--allow-empty", "-m", "x"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="hook-reference-transaction",
        wish="run whenever a ref moves",
        plant=_with_hook("reference-transaction"),
        control=_git("branch", "x"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="hook-post-index-change",
        wish="run whenever the index is written",
        plant=_with_hook("post-index-change"),
        control=_git("reset", "-q", "HEAD~1"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="hook-post-merge",
        wish="run after the merge by which a checkout follows",
        plant=_with_hook("post-merge"),
        control=_merges_fast,
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="hook-pre-push",
        wish="run before a push",
        plant=_with_hook("pre-push"),
        control=_git("push", "-q", "origin", "main:x"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="hooks-path",
        wish="name a tracked folder as that of the hooks",
        plant=_hooks_that_are_tracked,
        control=_git("commit", "--allow-empty", "-m", "x"),
        program=whole_way,
    ),
    Case(
        name="included-configuration",
        wish="name a program in a tracked file that the configuration includes",
        plant=_in_file_of("included", "include.path"),
        control=_git("status"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="conditional-configuration",
        wish="name it in a file that is included on some branches only",
        plant=_in_file_of("conditional", "includeIf.onbranch:main.path"),
        control=_git("status"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="configuration-of-a-worktree",
        wish="name it in the configuration of one worktree",
        plant=_in_worktree_file,
        control=_git("status"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="pager",
        wish="run as the pager",
        plant=_with(("core.pager", "@EVIL@")),
        control=_git("log", terminal=True),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="editor",
        wish="run as the editor",
        plant=_with(("core.editor", "@EVIL@")),
        control=_git("commit", "--allow-empty"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="credential-helper",
        wish="run as the program that knows passwords",
        plant=_asks_password("credential.helper"),
        control=_git("ls-remote", "origin"),
        program=_fetches,
    ),
    Case(
        name="askpass",
        wish="run as the program that asks for passwords",
        plant=_asks_password("core.askPass"),
        control=_git("ls-remote", "origin"),
        program=_fetches,
    ),
    Case(
        name="ssh-command",
        wish="run as the program that connects",
        plant=_with(("core.sshCommand", "@EVIL@"), ("remote.origin.url", f"ssh://{_NOBODY}/x.git")),
        control=_git("ls-remote", "origin"),
        program=_fetches,
    ),
    Case(
        name="git-proxy",
        wish="run as the proxy of git's own transport",
        plant=_with(("core.gitProxy", "@EVIL@"), ("remote.origin.url", f"git://{_NOBODY}/x.git")),
        control=_git("ls-remote", "origin"),
        program=_fetches,
    ),
    Case(
        name="upload-pack",
        wish="run as the program that sends objects, at a remote that is a folder",
        plant=_with(("remote.origin.uploadpack", "@EVIL@")),
        control=_git("ls-remote", "origin"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="receive-pack",
        wish="run as the program that takes objects",
        plant=_with(("remote.origin.receivepack", "@EVIL@")),
        control=_git("push", "-q", "origin", "main:x"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="hooks-of-a-remote-beside",
        wish="run as a hook of a folder that comes with the repository and is its remote",
        plant=_hooks_there,
        control=_git("push", "-q", "origin", "main:x"),
        program=_asks_about_the_remote,
    ),
    Case(
        name="remote-that-is-a-program",
        wish="be reached by a transport that runs a program",
        plant=_with(("remote.origin.url", "ext::@EVIL@"), ("protocol.ext.allow", "always")),
        control=_git("ls-remote", "origin"),
        program=_fetches,
    ),
    Case(
        name="address-that-is-rewritten",
        wish="turn a harmless address into such a transport",
        plant=_with(
            ("remote.origin.url", f"http://{_NOBODY}/x"),
            ("url.ext::@EVIL@ .insteadOf", f"http://{_NOBODY}/"),
            ("protocol.ext.allow", "always"),
        ),
        control=_git("ls-remote", "origin"),
        program=_fetches,
    ),
    Case(
        name="promisor-remote",
        wish="connect by a program of its own as soon as an object is looked for",
        plant=_promisor(
            ("core.repositoryFormatVersion", "1"),
            ("extensions.partialClone", "origin"),
            ("remote.origin.promisor", "true"),
            ("remote.origin.url", f"ssh://{_NOBODY}/x.git"),
            ("core.sshCommand", "@EVIL@"),
        ),
        control=_wants_missing,
        program=_is_refused,
    ),
    Case(
        name="promisor-by-its-filter",
        wish="do it without saying that it is a partial clone",
        plant=_promisor(
            ("remote.origin.partialCloneFilter", "blob:none"), ("remote.origin.uploadpack", "@EVIL@")
        ),
        control=_wants_missing,
        program=_is_refused,
    ),
    Case(
        name="alternate-refs-command",
        wish="run as the program that lists refs of an alternate",
        plant=_alternate_refs,
        control=_git("fetch", "-q", "origin", "main:refs/heads/y"),
        program=whole_way,
        shares="configuration",
    ),
    Case(
        name="signing-program",
        wish="run as the program that signs",
        plant=_with(("gpg.program", "@EVIL@"), ("commit.gpgSign", "true"), ("user.signingKey", "x")),
        control=_git("commit", "--allow-empty", "-m", "x"),
        program=whole_way,
        shares="configuration",
    ),
)
