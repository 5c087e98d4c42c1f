"""The program's entry: without a command it shows the window, else it is the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gastown_desktop.door import WORD, open_door

_HELP = {"-h", "--help", "--version"}


def main() -> int:
    """Shows the window, or runs a command; returns the exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] == [WORD]:
        return open_door(*map(int, arguments[1:3]))
    if arguments and not _shows_window(arguments[0]):
        from gastown_desktop.cli.main import run

        return run(arguments)
    from gastown_desktop.app import run as show

    return show(arguments)


def _shows_window(word: str) -> bool:
    """Whether the first argument is an option of the window or a folder; any other word is a command."""
    if word.startswith("-"):
        return word not in _HELP
    from gastown_desktop.cli.arguments import COMMANDS

    return word not in COMMANDS and (os.sep in word or Path(word).exists())


if __name__ == "__main__":
    sys.exit(main())
