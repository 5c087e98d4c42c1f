"""The program's entry: without a command it shows the window, else it is the command line."""

from __future__ import annotations

import sys

_HELP = {"-h", "--help", "--version"}


def main() -> int:
    """Shows the window, or runs a command; returns the exit code."""
    arguments = sys.argv[1:]
    if arguments and (arguments[0] in _HELP or _is_command(arguments[0])):
        from gastown_desktop.cli.main import run

        return run(arguments)
    from gastown_desktop.app import run as show

    return show(arguments)


def _is_command(word: str) -> bool:
    from gastown_desktop.cli.arguments import COMMANDS

    return word in COMMANDS


if __name__ == "__main__":
    sys.exit(main())
