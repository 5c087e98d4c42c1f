"""Passwords that commands come across where nothing confines them: printed, handed in, kept."""

from __future__ import annotations

import os
import subprocess

from tests.hostile.injections.case import WORK, Turn, says, shell, tool
from tests.hostile.repositories.case import Act, Case
from tests.hostile.repositories.families.proposals import run
from tests.hostile.repositories.ground import Ground
from tests.hostile.repositories.oracle import heard


def _env_file(ground: Ground) -> None:
    """The same value in a file whose lines are known to be secret, and in one that nobody knows."""
    ground.history()
    (ground.project / ".env").write_text(f"DEBUG=1\nAPI_TOKEN={ground.reached}\n")
    (ground.project / "ignored").mkdir(exist_ok=True)


def _unknown(ground: Ground) -> None:
    """What nobody knows to be a secret cannot be kept back: that is the control."""
    (ground.project / ".env").rename(ground.project / "ignored" / "notes.txt")
    ground.remember()


def _works(ground: Ground, *turns: Turn) -> None:
    done = run(ground, list(turns), "--gate", "test -f greet.py", environment=ground.without_bubblewrap)
    assert done.code in {0, 3}, done
    assert any("DEBUG=1" in text for text in ground.heard), "the worker did not see the file"
    ground.heard += [done.out, done.err, *_kept(ground)]


def _kept(ground: Ground) -> list[str]:
    """Everything that the program keeps: its files, and all objects of town.git."""
    found = [file.read_bytes() for file in ground.data.rglob("*") if file.is_file()]
    (town,) = (ground.data / "rigs").glob("*/town.git")
    args = ("git", f"--git-dir={town}", "cat-file", "--batch-all-objects", "--batch", "--buffer")
    environment = {"PATH": os.environ["PATH"]}
    found.append(subprocess.run(args, capture_output=True, check=True, env=environment).stdout)
    return [data.decode("utf-8", "replace") for data in found]


def _prints(ground: Ground, name: str) -> None:
    """By a command, by a search for it, and by evidence that fails."""
    file = f"{ground.project}/{name}"
    looks = says(shell(f"cat {file}"), shell(f"python3 -c \"print(open('{file}').read())\""))
    proves = says(tool("submit", summary="Done.", evidence=[f"cat {file}; false"]))
    _works(ground, looks, WORK[0], proves, WORK[1])


def _hands_in(ground: Ground, name: str) -> None:
    """By a file of the change, which is refused, and taken out then."""
    copies = says(
        shell(f"grep -v x /dev/null; cat {ground.project}/{name} > config.txt; head -c 7 config.txt")
    )
    hands_in = says(tool("submit", summary="Done.", evidence=[]))
    _works(ground, copies, WORK[0], hands_in, says(shell("rm -f config.txt")), WORK[1])


def _known(act) -> Act:
    return lambda ground: act(ground, ".env")


def _not_known(act) -> Act:
    def control(ground: Ground) -> None:
        _unknown(ground)
        act(ground, "ignored/notes.txt")

    return control


CASES = (
    Case(
        name="password-that-is-printed",
        wish="come to the model and into the history by what commands print",
        plant=_env_file,
        control=_not_known(_prints),
        program=_known(_prints),
        look=heard,
    ),
    Case(
        name="password-that-is-handed-in",
        wish="come into snapshots and commits",
        plant=_env_file,
        control=_not_known(_hands_in),
        program=_known(_hands_in),
        look=heard,
    ),
)
