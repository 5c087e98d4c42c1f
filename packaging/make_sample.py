"""Builds `resources/sample/harbor.bundle`: a small shell library with tests and a history worth rehearsing.

Its first-parent history has 16 commits after the first: most are independent, some build on each other, two
change the same line of the command's table (a real conflict when both start from the base), one is a merge.
Names and dates are fixed, so the same bundle comes out every time.

    python3 packaging/make_sample.py resources/sample/harbor.bundle
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HEADER = "# shellcheck shell=sh\n"

RUN = """#!/bin/sh
# Runs every test file in its own shell; fails when one fails.
cd "$(dirname "$0")/.." || exit 1
failed=0
for file in tests/test_*.sh; do
    if sh "$file"; then echo "ok   $file"; else echo "FAIL $file"; failed=1; fi
done
exit "$failed"
"""

CHECK = """# Test helper: check NAME ACTUAL EXPECTED
check() {
    [ "$2" = "$3" ] && return 0
    echo "  $1: got '$2', expected '$3'"
    exit 1
}
"""

HARBOR = """#!/bin/sh
# harbor: small tools for ship manifests
here=$(dirname "$0")/..
. "$here/lib/text.sh"
command=${1:-help}
[ $# -gt 0 ] && shift
case $command in
    trim) trim "$*" ;;
    help) echo "usage: harbor trim" ;;
    *) echo "harbor: unknown command $command" >&2; exit 2 ;;
esac
"""

TEXT = (
    HEADER
    + """
# trim TEXT: without spaces at either end
trim() {
    printf '%s' "$1" | sed 's/^ *//; s/ *$//'
}
"""
)

README = """# harbor

Small tools for ship manifests, in plain shell.

## Commands

- `trim`: remove spaces at either end

## Tests

    sh tests/run.sh
"""

TOWN = """[[gates]]
name = "tests"
command = "sh tests/run.sh"
timeout_s = 120
"""


def function(name: str, comment: str, body: str) -> str:
    """A shell function with a comment."""
    return f"\n# {comment}\n{name}() {{\n    {body}\n}}\n"


def test(library: str, *checks: tuple[str, str]) -> str:
    """A test file for one library: (command, expected) pairs."""
    lines = [HEADER.rstrip(), ". tests/check.sh", f". lib/{library}.sh"]
    lines += [f'check "{command}" "$({command})" "{expected}"' for command, expected in checks]
    return "\n".join(lines) + "\n"


class Story:
    """Writes files and commits them, a quarter of an hour apart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.minutes = 0
        self.git("init", "--quiet", "--template=", "--initial-branch=main", str(folder), at=None)

    def git(self, *args: str, at: Path | None = Path()) -> None:
        """Runs git with a masked configuration."""
        moment = f"{1_767_603_600 + self.minutes * 900} +0100"
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada Quay",
            "GIT_AUTHOR_EMAIL": "ada@harbor.invalid",
            "GIT_COMMITTER_NAME": "Ada Quay",
            "GIT_COMMITTER_EMAIL": "ada@harbor.invalid",
            "GIT_AUTHOR_DATE": moment,
            "GIT_COMMITTER_DATE": moment,
        }
        where = ["-C", str(self.folder)] if at is not None else []
        subprocess.run(["git", *where, *args], check=True, env=environment)

    def write(self, path: str, text: str, *, executable: bool = False) -> None:
        """Writes a file."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755 if executable else 0o644)

    def change(self, path: str, old: str, new: str) -> None:
        """Replaces the only occurrence of a text."""
        text = (self.folder / path).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ValueError(f"{old!r} occurs {text.count(old)} times in {path}")
        self.write(
            path, text.replace(old, new), executable=path.startswith("bin/") or path.endswith("run.sh")
        )

    def append(self, path: str, text: str) -> None:
        """Adds at the end of a file."""
        self.write(path, (self.folder / path).read_text(encoding="utf-8") + text)

    def commit(self, message: str) -> None:
        """Commits everything."""
        self.minutes += 1
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)


def build(folder: Path) -> None:
    """The whole history."""
    story = Story(folder)
    story.write("README.md", README)
    story.write(".gastown.toml", TOWN)
    story.write("bin/harbor", HARBOR, executable=True)
    story.write("lib/text.sh", TEXT)
    story.write("tests/run.sh", RUN, executable=True)
    story.write("tests/check.sh", CHECK)
    story.write("tests/test_text.sh", test("text", ("trim '  a b '", "a b")))
    story.commit("Start with trim")

    story.write(
        "lib/units.sh",
        HEADER + function("knots", "knots METRES_PER_SECOND: whole knots", "echo $(( $1 * 1944 / 1000 ))"),
    )
    story.write("tests/test_units.sh", test("units", ("knots 10", "19")))
    story.commit("Add knots")

    story.write("lib/list.sh", HEADER + function("first", "first WORDS: the first word", 'echo "${1%% *}"'))
    story.write("tests/test_list.sh", test("list", ("first 'a b c'", "a")))
    story.commit("Add a list library with first")

    story.append(
        "lib/text.sh",
        function("upper", "upper TEXT: in capitals", "printf '%s' \"$1\" | tr '[:lower:]' '[:upper:]'"),
    )
    story.append("tests/test_text.sh", 'check "upper abc" "$(upper abc)" "ABC"\n')
    story.commit("Add upper")

    story.change(
        "bin/harbor", '    trim) trim "$*" ;;\n', '    trim) trim "$*" ;;\n    upper) upper "$*" ;;\n'
    )
    story.change("bin/harbor", 'usage: harbor trim"', 'usage: harbor trim|upper"')
    story.commit("Offer upper as a command")

    story.append(
        "lib/units.sh", function("miles", "miles METRES: whole nautical miles", "echo $(( $1 / 1852 ))")
    )
    story.append("tests/test_units.sh", 'check "miles 3704" "$(miles 3704)" "2"\n')
    story.commit("Add nautical miles")

    story.write(
        "docs/manifest.md", "# Manifests\n\nA manifest is a list of crates, one a line: `id weight port`.\n"
    )
    story.commit("Describe manifests")

    story.append("lib/list.sh", function("last", "last WORDS: the last word", 'echo "${1##* }"'))
    story.append("tests/test_list.sh", 'check "last" "$(last \'a b c\')" "c"\n')
    story.commit("Add last")

    story.write(
        "lib/crate.sh",
        HEADER
        + function("weight", "weight LINE: the weight of a manifest line", "echo \"$1\" | cut -d ' ' -f 2"),
    )
    story.write("tests/test_crate.sh", test("crate", ("weight 'c7 120 Oslo'", "120")))
    story.commit("Read the weight of a crate")

    story.git("checkout", "--quiet", "-b", "ports")
    story.append(
        "lib/crate.sh", function("port", "port LINE: where a crate goes", "echo \"$1\" | cut -d ' ' -f 3")
    )
    story.append("tests/test_crate.sh", 'check "port" "$(port \'c7 120 Oslo\')" "Oslo"\n')
    story.commit("Read the port of a crate")
    story.write("docs/ports.md", "# Ports\n\nPorts are written in one word: `Oslo`, `LeHavre`.\n")
    story.commit("Describe ports")
    story.git("checkout", "--quiet", "main")
    story.minutes += 1
    story.git("merge", "--quiet", "--no-ff", "--message", "Merge the ports", "ports")
    story.git("branch", "--quiet", "--delete", "ports")

    story.change(
        "README.md",
        "- `trim`: remove spaces at either end\n",
        "- `trim`: remove spaces at either end\n- `upper`: in capitals\n",
    )
    story.commit("List upper in the README")

    story.change("bin/harbor", 'usage: harbor trim|upper"', 'usage: harbor trim|upper|knots"')
    story.change("bin/harbor", '. "$here/lib/text.sh"\n', '. "$here/lib/text.sh"\n. "$here/lib/units.sh"\n')
    story.change("bin/harbor", "    help) echo", '    knots) knots "$1" ;;\n    help) echo')
    story.commit("Offer knots as a command")

    story.write(
        "tests/test_harbor.sh",
        HEADER + '. tests/check.sh\ncheck help "$(sh bin/harbor help | cut -c 1-12)" "usage: harbo"\n',
    )
    story.commit("Test the command itself")

    story.append(
        "lib/text.sh",
        function("pad", "pad TEXT WIDTH: filled with spaces on the left", 'printf "%${2}s" "$1"'),
    )
    story.append("tests/test_text.sh", 'check "pad 7 3" "$(pad 7 3)" "  7"\n')
    story.commit("Add pad")

    story.write("docs/style.md", "# Style\n\nPlain sh, four spaces, one comment a function.\n")
    story.commit("Write down the style")

    story.change(
        "bin/harbor",
        "# harbor: small tools for ship manifests\n",
        "# harbor: small tools for ship manifests (see README.md)\n",
    )
    story.write("LICENSE", "Public domain.\n")
    story.commit("Add a licence and point to the README")


def main() -> None:
    """Writes the bundle."""
    target = Path(sys.argv[1]).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "harbor"
        build(folder)
        subprocess.run(
            ["git", "-C", str(folder), "bundle", "create", "--quiet", str(target), "HEAD", "main"], check=True
        )


if __name__ == "__main__":
    main()
