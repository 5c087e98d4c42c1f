"""Repositories whose names and words are orders to a terminal."""

from __future__ import annotations

import json
import shutil

from tests.hostile.repositories.case import Case
from tests.hostile.repositories.ground import Ground
from tests.hostile.repositories.oracle import escapes

_OSC = "\x1b]52;c;cm0gLXJmIH4=\x07\x1b]0;owned\x07\x1b[2J\x9b31m"
_BIDI = "\u202egnp.exe\u2066\u200b"
_HIDES = "touch /tmp/planted\r\x1b[2K\x1b[1A  gate: check python3 check.py"


def _commit_message(ground: Ground) -> None:
    ground.history()
    ground.repo.write("c.txt", "c\n").commit(f"Four {_OSC}{_BIDI}\n\nBody {_OSC}\n\nTrailer: {_OSC}")
    ground.repo.write("d.txt", "d\n").commit(f"Five {_OSC}{_BIDI}")


def _branch_name(ground: Ground) -> None:
    ground.history()
    ground.repo.git("branch", f"x{_BIDI}")
    ground.repo.git("symbolic-ref", "HEAD", f"refs/heads/x{_BIDI}")


def _author(ground: Ground) -> None:
    ground.history()
    ground.configure("user.name", f"Ada {_OSC}{_BIDI}")
    ground.configure("user.email", f"ada{_BIDI}@example.org")
    ground.repo.write("c.txt", "c\n").commit("Four")


def _file_name(ground: Ground) -> None:
    ground.history()
    for at in range(2):
        ground.repo.write(f"file{at}{_OSC.replace('/', '')}{_BIDI}.txt", "c\n").commit(f"File {at}")


def _town_file(ground: Ground) -> None:
    ground.history()
    keys = (
        f"{json.dumps(_OSC + _BIDI)} = 1\n[[gates]]\nname = {json.dumps('check' + _OSC)}\ncommand = 'false'\n"
    )
    ground.repo.write(".gastown.toml", keys).commit("Settings")


def _hidden_gate(ground: Ground) -> None:
    ground.history()
    ground.repo.write(".gastown.toml", f"gates = [{json.dumps(_HIDES + _BIDI)}]\n").commit("Settings")
    ground.configure("core.fsmonitor", f"evil{_BIDI}")


def _damaged_town_file(ground: Ground) -> None:
    ground.history()
    ground.repo.write(".gastown.toml", f"gates = [{json.dumps(_OSC)}, 4]\nprefix = {json.dumps(_OSC)}\n")
    ground.repo.commit("Settings")


def _folder(ground: Ground) -> None:
    ground.history()
    shutil.copytree(ground.project, ground.root / f"project{_OSC.replace('/', '')}{_BIDI}", symlinks=True)


def _remote_name(ground: Ground) -> None:
    ground.history()
    ground.configure("remote.origin.url", f"ext::{_OSC}{_BIDI}")


def _asks_for_trust(ground: Ground) -> None:
    done = ground.rehearse(gated=True, code=2)
    assert "not trusted" in done.err


def _refuses(ground: Ground) -> None:
    assert ".gastown.toml" in ground.rehearse(gated=True, code=2).err


def _works_in_the_folder(ground: Ground) -> None:
    (folder,) = [path for path in ground.root.iterdir() if path.name.startswith("project\x1b")]
    ground.command("rehearse", folder, "--no-gate", "--last", "1").ended(0)
    ground.command("status", folder)
    for wrong in ("rehearse", "status"):
        ground.command(wrong, folder / f"nothing{_BIDI}")


def _names_the_remote(ground: Ground) -> None:
    ground.rehearse("--polecats", "1")
    assert ground.command("land", ground.project, "--on", "scratch", "--remote", "origin", "--yes").code == 2


def _tells(ground: Ground) -> None:
    """Every command that tells something, and a landing in whose way there are files of the user's."""
    ground.rehearse()
    ground.confess()
    for path in (name for name in ground.project.iterdir() if name.name.startswith("file")):
        (ground.linked / path.name).write_text("mine\n")
    assert ground.command("land", ground.project, "--on", "scratch", "--yes").code in {1, 2, 3}
    ground.command("land", ground.project, "--on", "scratch")
    for path in ground.linked.glob("file*"):
        path.unlink()


CASES = (
    Case(
        name="escapes-in-commit-messages",
        wish="set clipboard and title, and turn the text round",
        plant=_commit_message,
        control=lambda ground: ground.plain("log", "--format=%s") and None,
        program=_tells,
        shares="words",
        look=escapes,
    ),
    Case(
        name="escapes-in-branch-names",
        wish="the same by the branch that is checked out",
        plant=_branch_name,
        control=lambda ground: ground.plain("branch") and None,
        program=_tells,
        shares="words",
        look=escapes,
    ),
    Case(
        name="escapes-in-the-users-name",
        wish="the same by the name that the repository configures",
        plant=_author,
        control=lambda ground: ground.plain("config", "user.name") and None,
        program=_tells,
        shares="words",
        look=escapes,
    ),
    Case(
        name="escapes-in-file-names",
        wish="the same by files that stand in the way",
        plant=_file_name,
        control=lambda ground: ground.shell("sh", "-c", "printf '%s\\n' *") and None,
        program=_tells,
        shares="words",
        look=escapes,
    ),
    Case(
        name="escapes-in-the-town-file",
        wish="the same by keys and gates",
        plant=_town_file,
        control=lambda ground: (
            ground.shell("python3", "-c", "import tomllib; print(*tomllib.load(open('.gastown.toml', 'rb')))")
            and None
        ),
        program=_asks_for_trust,
        look=escapes,
    ),
    Case(
        name="escapes-in-the-trust-list",
        wish="hide on the terminal what would run",
        plant=_hidden_gate,
        control=lambda ground: (
            ground.shell(
                "python3",
                "-c",
                "import tomllib; print(tomllib.load(open('.gastown.toml', 'rb'))['gates'][0])",
            )
            and None
        ),
        program=_asks_for_trust,
        look=escapes,
    ),
    Case(
        name="escapes-in-a-refused-town-file",
        wish="the same by values that are refused",
        plant=_damaged_town_file,
        control=lambda ground: (
            ground.shell(
                "python3", "-c", "import tomllib; print(tomllib.load(open('.gastown.toml', 'rb'))['prefix'])"
            )
            and None
        ),
        program=_refuses,
        look=escapes,
    ),
    Case(
        name="escapes-in-the-folder",
        wish="the same by the name of the folder itself",
        plant=_folder,
        control=lambda ground: ground.shell("sh", "-c", "printf '%s\\n' ../project*") and None,
        program=_works_in_the_folder,
        look=escapes,
    ),
    Case(
        name="escapes-in-a-remote",
        wish="the same by the address of a remote",
        plant=_remote_name,
        control=lambda ground: ground.plain("config", "remote.origin.url") and None,
        program=_names_the_remote,
        look=escapes,
    ),
)
