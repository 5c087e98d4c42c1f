"""Repositories that are not laid out as they seem: git folders elsewhere, inside, linked or replaced."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

from gastown_desktop.adapters.git import user_repository
from tests.hostile.repositories.case import Case
from tests.hostile.repositories.families.configuration import whole_way
from tests.hostile.repositories.ground import Ground
from tests.hostile.repositories.oracle import heard, noticed

_WAITS_S = 3.0
"""Seconds after which plain git is given up in a case that lets it wait for ever."""


def _monitored(ground: Ground, git_dir: Path) -> None:
    with (git_dir / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {ground.evil}\n")


def _embedded_bare(ground: Ground) -> None:
    """A folder of tracked files that is a bare repository, configured to have a worktree."""
    ground.history()
    docs = ground.project / "docs"
    shutil.copytree(ground.remote, docs, symlinks=True)
    (docs / "config").write_text(
        "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n"
        f"\tfsmonitor = {ground.evil}\n"
    )
    ground.repo.commit("Documents")


def _looks_into_embedded(ground: Ground) -> None:
    for command in (("rehearse", ground.project / "docs", "--no-gate"), ("status", ground.project / "docs")):
        assert "bare" in ground.command(*command).ended(2).err


def _common_folder(ground: Ground) -> None:
    """`.git/commondir` leads to a tracked folder with a configuration of its own."""
    ground.history()
    shutil.copytree(ground.repo.git_dir, ground.project / "shared", symlinks=True)
    _monitored(ground, ground.project / "shared")
    (ground.repo.git_dir / "commondir").write_text("../shared\n")


def _common_folder_of_another(ground: Ground) -> None:
    """`.git/commondir` leads into another repository of the user's."""
    ground.history()
    ground.make_other()
    (ground.repo.git_dir / "commondir").write_text(f"{ground.other}/.git\n")
    (ground.repo.git_dir / "HEAD").write_text("ref: refs/heads/main\n")


def _reads_another(ground: Ground) -> None:
    ground.plain("log", "-p")


async def _opens(ground: Ground) -> None:
    """Opens it or refuses; whatever it took over is heard."""
    await ground.opened()
    _hears_town(ground)


def _hears_town(ground: Ground) -> None:
    for town in (ground.data / "rigs").glob("*/town.git"):
        args = ("git", f"--git-dir={town}", "cat-file", "--batch-all-objects", "--batch", "--buffer")
        done = subprocess.run(args, capture_output=True, check=False, env={"PATH": os.environ["PATH"]})
        ground.heard.append(done.stdout.decode("utf-8", "replace"))


def _git_file(ground: Ground) -> None:
    """`.git` is a file that leads to a git folder among the files."""
    ground.history()
    _monitored(ground, ground.repo.git_dir)
    ground.repo.git_dir.rename(ground.project / "vendor.git")
    (ground.project / ".git").write_text("gitdir: vendor.git\n")
    for link in (ground.project / "vendor.git" / "worktrees").glob("*/gitdir"):
        link.parent.joinpath("commondir").write_text("../..\n")
    (ground.linked / ".git").write_text(f"gitdir: {ground.project}/vendor.git/worktrees/linked\n")


def _alternates(ground: Ground) -> None:
    """Objects of another repository of the user's are borrowed."""
    ground.history()
    ground.make_other()
    info = ground.repo.git_dir / "objects" / "info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(f"{ground.other}/.git/objects\n")


async def _opens_and_hears(ground: Ground) -> None:
    (await ground.opened()).ended(0)
    _hears_town(ground)
    assert any("two" in text for text in ground.heard)


def _replaced(ground: Ground) -> None:
    """What is shown is not what is committed."""
    ground.history()
    old = ground.repo.git("rev-parse", "HEAD:a.txt")
    new = ground.repo.git("hash-object", "-w", "--stdin", stdin=f"{ground.reached}\n".encode())
    ground.repo.git("replace", old, new)


async def _reads_replaced(ground: Ground) -> None:
    async with ground.rig() as rig:
        entries = await rig.objects.list_tree(await rig.objects.tree_of(rig.tip), recursive=True)
        blob = next(entry.oid for entry in entries if entry.path == "a.txt")
        ground.heard.append((await rig.objects.read_blob(blob)).decode())
        slot = await rig.slot()
        ground.heard.append((slot.folder / "a.txt").read_text())
        assert ground.heard[-1] == "one\ntwo\n"


def _nested(ground: Ground) -> None:
    """A tracked repository inside, which plain `status` enters."""
    ground.history()
    nested = ground.project / "nested"
    nested.mkdir()
    ground.plain("init", "-q", cwd=nested)
    (nested / "x.txt").write_text("x\n")
    ground.plain("add", "x.txt", cwd=nested)
    ground.plain("commit", "-qm", "x", cwd=nested)
    ground.repo.git("-c", "advice.addEmbeddedRepo=false", "add", "nested")
    ground.repo.commit("Nested", everything=False)
    ground.repo.write("c.txt", "c\n")
    ground.repo.git("add", "c.txt")
    ground.repo.commit("Four", everything=False)
    _monitored(ground, nested / ".git")


async def _goes_on(ground: Ground) -> None:
    (await ground.opened()).ended(0)


def _work_tree_elsewhere(ground: Ground) -> None:
    ground.history()
    (ground.home / "a.txt").write_text("Of the user.\n")
    ground.configure("core.worktree", str(ground.home))


def _home_changed(ground: Ground) -> list[str]:
    return [line for line in ground.differences() if line.startswith("the HOME")]


def _pipe_instead_of(name: str):
    def plant(ground: Ground) -> None:
        ground.history()
        place = ground.repo.git_dir / name if name != ".gitignore" else ground.project / name
        place.unlink(missing_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(place)
        assert stat.S_ISFIFO(place.lstat().st_mode)

    return plant


def _pipe_among(*names: str):
    """A pipe in the place of a file that git opens late."""

    def plant(ground: Ground) -> None:
        ground.history()
        oid = ground.repo.git("rev-parse", "HEAD:b.txt")
        for name in names:
            place = ground.repo.git_dir / name.replace("@OBJECT@", f"{oid[:2]}/{oid[2:]}")
            place.unlink(missing_ok=True)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.mkfifo(place)

    return plant


def _is_refused(ground: Ground) -> None:
    """Opening it says why it is not opened, and nothing of it was taken over."""
    done = ground.command("rehearse", ground.project, "--no-gate", "--last", "1").ended(2)
    assert "Clone it" in done.err or "clone anew" in done.err or "Open that itself" in done.err, done
    assert not list((ground.data / "rigs").glob("*/town.git"))


def _log_that_is_a_link(ground: Ground) -> None:
    """The log of a branch is a file that the user's shell runs; who moves it is called like a command."""
    ground.history()
    (ground.home / ".profile").write_text("true\n")
    log = ground.repo.git_dir / "logs" / "refs" / "heads" / "scratch"
    log.unlink()
    log.symlink_to(ground.home / ".profile")
    ground.configure("user.name", f"x; touch {ground.canary}; x")


def _lands_and_logs_in(ground: Ground) -> None:
    _merges(ground)
    ground.shell("sh", "-c", ". ./.profile", cwd=ground.home)


def _merges(ground: Ground) -> None:
    ground.plain("merge", "-q", "--ff-only", "main", cwd=ground.linked)


def _folders_of_another(ground: Ground) -> None:
    """Objects and refs are links to those of another repository of the user's."""
    ground.history()
    ground.make_other()
    for name in ("refs", "objects", "logs"):
        shutil.rmtree(ground.repo.git_dir / name)
        (ground.repo.git_dir / name).symlink_to(ground.other / ".git" / name)


def _file_of_another(ground: Ground) -> None:
    """`.git` is a file that leads to the git folder of another checkout of the user's."""
    ground.history()
    ground.make_other()
    ground.repo.git_dir.rename(ground.root / "unused")
    (ground.project / ".git").write_text(f"gitdir: {ground.other}/.git\n")


def _included_pipe(ground: Ground) -> None:
    ground.history()
    os.mkfifo(ground.project / "more.config")
    ground.configure("include.path", "../more.config")


def _waits(ground: Ground) -> None:
    ground.plain("status", seconds=_WAITS_S)


def _gives_up(ground: Ground) -> None:
    """Goes on or refuses, in a sentence, and does not wait for ever."""
    done = ground.command("rehearse", ground.project, "--no-gate", "--last", "1")
    assert done.code in {0, 1, 2}, done


async def _gives_up_listing(ground: Ground) -> None:
    """The same where two minutes would go by: a large repository takes its time."""
    patience, user_repository._LISTING_TIMEOUT_S = user_repository._LISTING_TIMEOUT_S, 3.0
    try:
        assert (await ground.opened()).code in {0, 2}
    finally:
        user_repository._LISTING_TIMEOUT_S = patience


def _tree_with(*path: str):
    """A commit whose tree holds a path that no checkout may make."""

    def plant(ground: Ground) -> None:
        ground.history()
        repo = ground.repo
        names = [name.replace("@OUT@", str(ground.outside)) for name in path]
        kind, mode = "blob", b"100644"
        oid = repo.git("hash-object", "-w", "--stdin", stdin=b"planted\n")
        for name in reversed(names):
            entry = mode + b" " + os.fsencode(name) + b"\0" + bytes.fromhex(oid)
            entries = [entry]
            if name == names[0]:
                plain = repo.git("rev-parse", "HEAD:a.txt")
                entries.append(b"100644 a.txt\0" + bytes.fromhex(plain))
                entries.sort(key=lambda one: one.split(b" ", 1)[1])
            oid = repo.git(
                "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=b"".join(entries)
            )
            kind, mode = "tree", b"40000"
        del kind
        commit = repo.git("commit-tree", oid, "-p", "HEAD", "-m", "Names")
        repo.git("update-ref", "refs/heads/main", commit)

    return plant


def _unpacks(ground: Ground) -> None:
    """Writes each path of the tree where its name leads, as a careless program does."""
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "-z", "HEAD"], cwd=ground.project, capture_output=True, check=True
    ).stdout
    target = ground.project / "deep" / "unpacked"
    target.mkdir(parents=True)
    for line in listed.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        if head.split()[1] == b"blob":
            place = Path(os.path.join(target, os.fsdecode(path)))  # noqa: PTH118 - as careless programs do
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"planted\n")


def _where_it_leads(ground: Ground) -> list[str]:
    places = [
        *ground.root.rglob("planted.txt"),
        *ground.root.rglob(".git/hooks/post-checkout"),
        *ground.root.rglob("*/hooks/planted-hook"),
    ]
    return [
        f"{place.relative_to(ground.root)} was made" for place in places if "unpacked/x" not in str(place)
    ]


_ODD = {
    "parent": ("..", "..", "planted.txt"),
    "absolute": ("@OUT@/planted.txt",),
    "git-folder": (".git", "hooks", "post-checkout"),
    "git-folder-in-capitals": (".GIT", "hooks", "planted-hook"),
    "git-folder-by-its-short-name": ("git~1", "hooks", "planted-hook"),
    "git-folder-unseen": (".g\u200cit", "hooks", "planted-hook"),
}

CASES = (
    Case(
        name="embedded-bare-repository",
        wish="be taken for a repository as a folder of files",
        plant=_embedded_bare,
        control=lambda ground: ground.plain("status", cwd=ground.project / "docs") and None,
        program=_looks_into_embedded,
    ),
    Case(
        name="common-folder",
        wish="have a configuration that is not where one looks",
        plant=_common_folder,
        control=lambda ground: ground.plain("status") and None,
        program=_opens,
    ),
    Case(
        name="common-folder-of-another-repository",
        wish="have another repository of the user's given to workers",
        plant=_common_folder_of_another,
        control=_reads_another,
        program=_opens,
        look=heard,
    ),
    Case(
        name="git-file",
        wish="have a git folder among the files",
        plant=_git_file,
        control=lambda ground: ground.plain("status") and None,
        program=_goes_on,
    ),
    Case(
        name="alternates",
        wish="have objects of another repository given to workers",
        plant=_alternates,
        control=lambda ground: ground.plain("cat-file", "--batch-all-objects", "--batch") and None,
        program=_opens_and_hears,
        look=heard,
    ),
    Case(
        name="replaced-objects",
        wish="show another content than what is committed",
        plant=_replaced,
        control=lambda ground: ground.plain("show", "HEAD:a.txt") and None,
        program=_reads_replaced,
        look=heard,
    ),
    Case(
        name="nested-repository",
        wish="be entered, and run its monitor",
        plant=_nested,
        control=lambda ground: ground.plain("status") and None,
        program=_goes_on,
    ),
    Case(
        name="work-tree-elsewhere",
        wish="have the user's HOME written as if it were the checkout",
        plant=_work_tree_elsewhere,
        control=lambda ground: ground.plain("checkout", "-qf", "HEAD") and None,
        program=whole_way,
        look=_home_changed,
    ),
    *(
        Case(
            name=f"pipe-as-{name.strip('.').replace('/', '-')}",
            wish="let whoever opens the repository wait for ever",
            plant=_pipe_instead_of(name),
            control=_waits,
            program=_gives_up if name != ".gitignore" else _gives_up_listing,
            look=noticed,
        )
        for name in ("commondir", "shallow", "config", "packed-refs", "info/exclude", ".gitignore")
    ),
    Case(
        name="pipe-as-included-configuration",
        wish="the same by a file that the configuration includes",
        plant=_included_pipe,
        control=_waits,
        program=_gives_up,
        look=noticed,
    ),
    *(
        Case(
            name=f"pipe-among-{name}",
            wish="let whoever works with the repository wait for ever",
            plant=_pipe_among(place),
            control=lambda ground, act=act: ground.plain(*act, seconds=_WAITS_S) and None,
            program=_is_refused,
            look=noticed,
        )
        for name, place, act in (
            ("objects", "objects/@OBJECT@", ("cat-file", "-p", "HEAD:b.txt")),
            ("logs", "logs/refs/heads/side", ("update-ref", "-m", "x", "refs/heads/side", "HEAD")),
            (
                "worktrees",
                "worktrees/linked/HEAD",
                ("--git-dir=.git/worktrees/linked", "symbolic-ref", "HEAD"),
            ),
        )
    ),
    Case(
        name="log-that-is-a-link",
        wish="have a line of its own choice written to what the user's shell runs",
        plant=_log_that_is_a_link,
        control=_lands_and_logs_in,
        program=_is_refused,
    ),
    Case(
        name="folders-of-another-repository",
        wish="have another repository of the user's given to workers by links",
        plant=_folders_of_another,
        control=_reads_another,
        program=_is_refused,
        look=heard,
    ),
    Case(
        name="git-file-of-another-checkout",
        wish="have another checkout of the user's given to workers",
        plant=_file_of_another,
        control=_reads_another,
        program=_is_refused,
        look=heard,
    ),
    *(
        Case(
            name=f"tree-with-{name}",
            wish="be written outside of a copy, or as its git folder",
            plant=_tree_with(*path),
            control=_unpacks,
            program=_opens,
            look=_where_it_leads,
        )
        for name, path in _ODD.items()
    ),
)
