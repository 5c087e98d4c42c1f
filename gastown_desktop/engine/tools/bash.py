"""The tool `bash`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from gastown_desktop.engine.tools.workbench import Workbench, command_of, number_of, object_schema

_DEFAULT_S = 120
_LONGEST_S = 600


class Bash:
    """Runs a command in the polecat's own sandboxed shell."""

    name: ClassVar[str] = "bash"
    description: ClassVar[str] = (
        "Run a command in your persistent shell, in the repository's top level. No network. Time-out 120 s, "
        "600 s at most. The output is cut to 30000 characters. Commits are made for you at submit."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("command",),
        command={"type": "string", "description": "The command line."},
        timeout_s={"type": "integer", "description": "Seconds until it is stopped."},
    )

    def action(self, given: Mapping[str, Any]) -> str:
        """For the card."""
        command = str(given.get("command", "")).strip()
        return f"Running {command.splitlines()[0][:60]}" if command else "Running a command"

    async def run(self, given: Mapping[str, Any], bench: Workbench) -> str:
        """Runs it and shows output and exit status."""
        command = command_of(given, "command")
        timeout_s = max(1, min(_LONGEST_S, number_of(given, "timeout_s", _DEFAULT_S)))
        result = await bench.run(command, float(timeout_s))
        text = result.output.decode("utf-8", "replace")
        if result.timed_out:
            return f"{text}\n(stopped after {timeout_s} s; the shell was restarted)"
        return f"{text}\n(exit status {result.exit_code})" if result.exit_code else text or "(no output)"
