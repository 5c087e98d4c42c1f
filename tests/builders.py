"""Repositories for tests, in a few lines; the host's git configuration is masked and dates are fixed."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FIRST_DATE = 1_700_000_000
"""Seconds since 1970 of the first commit; each later one is a minute younger."""

UNDECODABLE_NAME = os.fsdecode(b"data/caf\xe9.txt")
"""A path whose bytes are Latin-1, not UTF-8."""


class RepositoryBuilder:
    """Builds a repository with git itself.

    Args:
        folder: where; made when missing.
        hash_name: `sha1` or `sha256`.
        branch: the first branch.
    """

    def __init__(self, folder: Path, *, hash_name: str = "sha1", branch: str = "main") -> None:
        self.folder = folder
        self.git_dir = folder / ".git"
        self._minute = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "--template=", f"--object-format={hash_name}", "-b", branch)

    def git(self, *args: str | bytes, stdin: bytes = b"") -> str:
        """Runs git in the repository; answers its output without surrounding white space."""
        date = f"{FIRST_DATE + 60 * self._minute} +0100"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada Árnadóttir",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Bo Builder",
            "GIT_COMMITTER_EMAIL": "bo@example.org",
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_DATE": date,
            "LC_ALL": "C",
        }
        done = subprocess.run(
            ["git", "-c", "core.quotePath=false", "-c", "gc.auto=0", *args],
            cwd=self.folder,
            env=environment,
            input=stdin,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"git {args}: {done.stderr.decode(errors='replace')}")
        return os.fsdecode(done.stdout.strip())

    def write(self, path: str, content: str | bytes, *, executable: bool = False) -> RepositoryBuilder:
        """Writes a file (folders are made; what was there before is replaced)."""
        target = self.folder / path
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        target.chmod(0o755 if executable else 0o644)
        return self

    def delete(self, path: str) -> RepositoryBuilder:
        """Deletes a file, a link or a whole folder."""
        target = self.folder / path
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink()
        return self

    def rename(self, old: str, new: str) -> RepositoryBuilder:
        """Moves a file or folder."""
        (self.folder / new).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / old).rename(self.folder / new)
        return self

    def chmod(self, path: str, mode: int) -> RepositoryBuilder:
        """Sets mode bits."""
        (self.folder / path).chmod(mode)
        return self

    def symlink(self, path: str, target: str) -> RepositoryBuilder:
        """Makes a symbolic link."""
        link = self.folder / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        return self

    def submodule_bump(self, path: str, oid: str) -> RepositoryBuilder:
        """Stages a gitlink; the submodule itself does not exist."""
        (self.folder / path).mkdir(parents=True, exist_ok=True)
        self.git("update-index", "--add", "--cacheinfo", f"160000,{oid},{path}")
        return self

    def commit(self, message: str, *, everything: bool = True) -> str:
        """Commits everything in the folder (`everything`) or what is staged; answers the id."""
        if everything:
            self.git("add", "-A", "--", ".")
        self._minute += 1
        self.git("commit", "-q", "--allow-empty", "--no-verify", "-m", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, start: str = "HEAD") -> RepositoryBuilder:
        """Makes a branch and switches to it."""
        self.git("checkout", "-q", "-b", name, start)
        return self

    def switch(self, name: str) -> RepositoryBuilder:
        """Switches to a branch."""
        self.git("checkout", "-q", name)
        return self

    def merge(self, name: str, message: str) -> str:
        """Merges a branch without fast-forward; answers the id."""
        self._minute += 1
        self.git("merge", "-q", "--no-ff", "-m", message, name)
        return self.git("rev-parse", "HEAD")

    def revert(self, rev: str) -> str:
        """Reverts a commit; answers the id."""
        self._minute += 1
        self.git("revert", "--no-edit", rev)
        return self.git("rev-parse", "HEAD")


def hard_repository(folder: Path, hash_name: str = "sha1") -> RepositoryBuilder:
    """A repository with everything that is hard to replay, 17 commits along first parents.

    Renames, deletes, mode bits, a binary, a CRLF blob that its later attribute would normalise and that is
    edited, a link, a submodule bump, non-ASCII and undecodable names, merges, a revert, a file that becomes a
    folder.
    """
    repo = RepositoryBuilder(folder, hash_name=hash_name)
    oid_length = 40 if hash_name == "sha1" else 64
    calc = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n"
    repo.write("README.md", "# Hard\n").write("src/calc.py", calc).write(".gitignore", "*.log\nbuild/\n")
    repo.write("docs/windows.txt", b"one\r\ntwo\r\nthree\r\n").write("tool", "plain file\n")
    repo.commit("Start")
    repo.write("bin/run.sh", "#!/bin/sh\necho run\n", executable=True).commit("Add a program")
    repo.write("assets/logo.bin", bytes(range(256)) * 8).commit("Add a binary")
    repo.write(".gitattributes", "docs/*.txt text\nkeyword.txt ident\n")
    repo.git("add", ".gitattributes")
    repo.commit("Say that docs are text (the blob keeps its CRLF)", everything=False)
    repo.git("update-index", "--assume-unchanged", "docs/windows.txt")
    crlf = b"one\r\nTWO\r\nthree\r\nfour\r\n"
    blob = repo.write("docs/windows.txt", crlf).git("hash-object", "-w", "--no-filters", "docs/windows.txt")
    repo.git("update-index", "--cacheinfo", f"100644,{blob},docs/windows.txt")
    repo.commit("Edit a document that keeps its CRLF", everything=False)
    repo.git("update-index", "--assume-unchanged", "docs/windows.txt")
    repo.rename("src/calc.py", "src/arithmetic.py").commit("Rename calc")
    repo.symlink("latest", "docs/windows.txt").commit("Link the latest document")
    repo.submodule_bump("vendor/lib", "1" * oid_length).commit("Add a submodule", everything=False)
    repo.write("docs/übersicht – naïve.md", "ä\n").write(UNDECODABLE_NAME, "latin\n").commit(
        "Names beyond ASCII"
    )

    repo.branch("feature/mul").write("src/multiply.py", "def mul(a, b):\n    return a * b\n").commit(
        "Multiply"
    )
    repo.write("src/multiply.py", "def mul(a, b):\n    return b * a\n").commit("Multiply the other way")
    repo.switch("main").write("CHANGES", "1\n").commit("Start a change log")
    repo.merge("feature/mul", "Merge multiplication")
    repo.submodule_bump("vendor/lib", "2" * oid_length).commit("Bump the submodule", everything=False)
    wrong = repo.write("README.md", "# Hard\n\nWrong.\n").commit("Say something wrong")
    repo.revert(wrong)
    repo.chmod("bin/run.sh", 0o644).commit("Take the executable bit away")
    repo.delete("tool").write("tool/__init__.py", "").write("tool/main.py", "print('tool')\n").commit(
        "Tool is a folder"
    )
    repo.delete("assets").write("src/arithmetic.py", calc + "\n\ndef neg(a):\n    return -a\n").commit(
        "Drop the binary"
    )
    return repo


def small_python_repository(folder: Path) -> RepositoryBuilder:
    """A little library whose gate takes milliseconds; six commits, two of them touch the same lines."""
    repo = RepositoryBuilder(folder)
    repo.write("greet.py", 'def greet(name):\n    return "Hello " + name\n')
    repo.write("check.py", 'import greet\n\nassert greet.greet("Ada").startswith("Hello")\n')
    repo.write(".gastown.toml", '[[gates]]\nname = "check"\ncommand = "python3 check.py"\n')
    repo.commit("Start")
    repo.write("farewell.py", 'def farewell(name):\n    return "Bye " + name\n').commit("Say goodbye")
    repo.write("greet.py", 'def greet(name):\n    return "Hello, " + name + "!"\n').commit(
        "Greet with a comma"
    )
    repo.write("shout.py", "def shout(text):\n    return text.upper()\n").commit("Shout")
    repo.write("greet.py", 'def greet(name, mark="!"):\n    return "Hello, " + name + mark\n').commit(
        "Choose the mark"
    )
    repo.write("README.md", "# Greetings\n").commit("Say what this is")
    return repo


def contested_repository(folder: Path) -> RepositoryBuilder:
    """Past work that, done all at once, ends with one conflict and one question for the user; 7 commits.

    A slow commit writes a motto, which a quick later one writes anew after a third took it away: without
    hindsight the quick one is merged first, the slow one conflicts with it for ever, and what is to be
    taken away is not there.
    """
    repo = RepositoryBuilder(folder)
    for number in range(24):
        repo.write(f"part{number:02}.txt", f"part {number}\nbody\n")
    repo.write("README", "Parts\n").commit("Start")
    for number in range(24):
        repo.write(f"part{number:02}.txt", f"part {number}\nbody, longer\n")
    repo.write("motto.txt", "Slow and steady\n").commit("Write the parts and a motto")
    repo.delete("motto.txt").commit("Drop the motto")
    repo.write("motto.txt", "Fast and loose\n").commit("Another motto")
    for number in range(4):
        repo.write(f"page{number}.txt", f"page {number}\n").commit(f"Add page {number}")
    return repo


def costly_repository(folder: Path) -> RepositoryBuilder:
    """Thirteen commits, each a long text of its own: at list price a dollar or so of work."""
    repo = RepositoryBuilder(folder)
    repo.write("README", "Texts\n").commit("Start")
    for number in range(12):
        text = "".join(f"{number}: line {line} of a long text that has to be typed\n" for line in range(160))
        repo.write(f"text{number:02}.txt", text).commit(f"Write text {number}")
    return repo
