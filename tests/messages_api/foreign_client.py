"""Proves the server with a client that is not ours: `python -m tests.messages_api.foreign_client`.

Installs the Claude Code command line from npm into a temporary folder, lets it do a scripted task headless
against the server (write a file, run a command, say done), and prints what both saw. Exit code 0 when the
file is there, the command ran, and the server had nothing to object to.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.messages_api.running import RunningServer, running

_PACKAGE = "@anthropic-ai/claude-code"
_MODEL = "claude-sonnet-5-5"
_SMALL_MODEL = "claude-haiku-5-5"
_TASK = "GREET: write hello.txt, then copy it to copy.txt with a command."
_PATIENCE_S = 180


def _script(folder: Path) -> dict[str, Any]:
    file = folder / "hello.txt"
    command = f"cp {file} {folder / 'copy.txt'} && wc -c < {file}"
    return {
        "keys": {"sk-foreign": {}},
        "rules": [
            {
                "role": "task",
                "when": {"first_user": "GREET:", "tool": "Write"},
                "turns": [
                    {
                        "thinking": "First the file.",
                        "text": "I write the file.",
                        "calls": [
                            {"name": "Write", "input": {"file_path": str(file), "content": "hello, world\n"}}
                        ],
                    },
                    {
                        "text": "Now the command.",
                        "calls": [
                            {"name": "Bash", "input": {"command": command, "description": "Copy the file"}}
                        ],
                    },
                    {"text": "DONE: both files are there."},
                ],
            },
            {"role": "aside", "turns": [{"text": "{}"}], "after": "repeat-last"},
        ],
    }


def _installed(folder: Path, version: str) -> Path:
    npm = shutil.which("npm")
    assert npm, "npm is not there"
    package = f"{_PACKAGE}@{version}" if version else _PACKAGE
    subprocess.run([npm, "install", "--no-fund", "--no-audit", "--prefix", str(folder), package], check=True)
    return folder / "node_modules" / ".bin" / "claude"


def _run(claude: Path, server: RunningServer, home: Path, work: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "ANTHROPIC_BASE_URL": server.url,
        "ANTHROPIC_API_KEY": "sk-foreign",
        "ANTHROPIC_MODEL": _MODEL,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": _SMALL_MODEL,
        "ANTHROPIC_SMALL_FAST_MODEL": _SMALL_MODEL,
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    command = [str(claude), "-p", _TASK, "--model", _MODEL, "--output-format", "json"]
    command += ["--permission-mode", "acceptEdits", "--allowedTools", "Write,Bash"]
    return subprocess.run(
        command,
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )


def _tell(done: subprocess.CompletedProcess[str], server: RunningServer, work: Path) -> bool:
    print(f"client: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    for request in server.requests():
        names = (
            "role",
            "turn",
            "model",
            "status",
            "stop_reason",
            "prompt_tokens",
            "cache_read",
            "output_tokens",
        )
        print({name: request.get(name) for name in names}, request.get("error", ""))
    bill = server.bill()
    print(json.dumps(bill, indent=2))
    try:
        told = json.loads(done.stdout)
    except ValueError:
        told = {}
    copied = work / "copy.txt"
    checks = {
        "the client is content": done.returncode == 0 and not told.get("is_error", True),
        "the client heard the last words": "DONE" in str(told.get("result", "")),
        "the file is there": (work / "hello.txt").is_file(),
        "the command ran": copied.is_file() and copied.read_text() == "hello, world\n",
        "nothing was refused": not bill["refused"] and not bill["forbidden"] and not bill["unmatched"],
        "something was billed": bill["total_nano"] > 0,
    }
    usage = told.get("modelUsage", {})
    heard = {
        "prompt_tokens": sum(
            model.get("inputTokens", 0)
            + model.get("cacheReadInputTokens", 0)
            + model.get("cacheCreationInputTokens", 0)
            for model in usage.values()
        ),
        "output_tokens": sum(model.get("outputTokens", 0) for model in usage.values()),
    }
    for name, tokens in heard.items():
        checks[f"{name}: the client heard {tokens}, the bill has {bill[name]}"] = tokens == bill[name]
    for name, holds in checks.items():
        print(f"{'ok ' if holds else 'NO '} {name}")
    return all(checks.values())


def main() -> int:
    """Installs, runs, tells."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", type=Path, help="a claude that is installed already")
    parser.add_argument("--version", default="", help="of the npm package; the newest when not given")
    parser.add_argument("--strict", action="store_true", help="refuse fields beyond the strict list too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="foreign-client-") as name:
        folder = Path(name)
        work, home = folder / "work", folder / "home"
        work.mkdir()
        home.mkdir()
        claude = arguments.client or _installed(folder / "npm", arguments.version)
        extra = [] if arguments.strict else ["--lenient-fields"]
        bodies = ["--bodies", str(folder / "bodies.jsonl")]
        with running(_script(work), arguments=[*extra, *bodies]) as server:
            done = _run(claude, server, home, work)
            fields: set[str] = set()
            for line in (folder / "bodies.jsonl").read_text().splitlines():
                fields |= set(json.loads(json.loads(line)))
            print("fields of its requests:", ", ".join(sorted(fields)))
            return 0 if _tell(done, server, work) else 1


if __name__ == "__main__":
    sys.exit(main())
