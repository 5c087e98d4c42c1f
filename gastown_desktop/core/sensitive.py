"""Changes that somebody has to look at before they land, whatever the gates say: they change what is run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import category, name

_EXECUTABLE, _SYMLINK, _GITLINK = 0o100755, 0o120000, 0o160000
_PROTECTED: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (why, re.compile(rf"(?:.*/)?(?:{pattern})", re.IGNORECASE))
    for why, pattern in (
        ("it says what gates run", r"\.gastown\.toml"),
        (
            "it is run in CI",
            r"\.github/(workflows|actions)/.*|\.gitlab-ci\.ya?ml|\.circleci/.*|\.ci/.*|\.buildkite/.*|Jenkinsfile"
            r"|azure-pipelines\.ya?ml|bitbucket-pipelines\.yml|\.travis\.yml|\.(gitea|forgejo)/workflows/.*"
            r"|\.woodpecker(/.*|\.ya?ml)|\.drone\.ya?ml|\.?appveyor\.ya?ml",
        ),
        (
            "it says what is tested",
            r"conftest\.py|\.?pytest\.(ini|toml)|setup\.cfg|tox\.ini|noxfile\.py|\.coveragerc|(jest|vitest|karma|playwright)\.config\.\w+"
            r"|\.mocharc\..*|phpunit\.xml(\.dist)?",
        ),
        (
            "it is run by git",
            r"\.husky/.*|\.githooks/.*|\.pre-commit-config\.yaml|lefthook\.ya?ml|\.gitmodules",
        ),
        (
            "it is run when something is installed or built",
            r"package\.json|setup\.py|pyproject\.toml|build\.rs|(GNU)?Makefile|.*\.mk|Dockerfile(\..*)?"
            r"|(docker-)?compose\.ya?ml|\.npmrc|\.yarnrc(\.yml)?|\.pnpmfile\.c?js|binding\.gyp|CMakeLists\.txt"
            r"|(build|settings)\.gradle(\.kts)?|gradlew(\.bat)?|gradle-wrapper\.\w+|pom\.xml|Cargo\.toml"
            r"|\.cargo/config(\.toml)?|rust-toolchain(\.toml)?|Rakefile|Gemfile|mix\.exs|\.?justfile"
            r"|Taskfile\.ya?ml|\.?mise\.toml|(site|user)customize\.py|.*\.pth",
        ),
        (
            "it says what is installed",
            r"package-lock\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock|uv\.lock|pdm\.lock|Pipfile\.lock"
            r"|Cargo\.lock|go\.(sum|mod)|Gemfile\.lock|composer\.(lock|json)|flake\.lock|npm-shrinkwrap\.json"
            r"|bun\.lockb?|deno\.lock|mix\.lock|pubspec\.lock|conda-lock\.yml|environment\.yml|Pipfile"
            r"|gradle\.lockfile|packages\.lock\.json|Package\.resolved|Podfile\.lock"
            r"|([^/]*[-_.])?requirements([-_.][^/]*)?\.(txt|in)|requirements/.*\.(txt|in)",
        ),
        (
            "editors, shells or agents act on it",
            r"\.mcp\.json|\.envrc|\.vscode/.*|\.idea/.*|\.devcontainer/.*|\.claude/.*|AGENTS\.md|CLAUDE\.md"
            r"|\.zed/.*|\.cursor/.*|\.cursorrules|\.gemini/.*|GEMINI\.md|\.github/copilot-instructions\.md",
        ),
    )
)
_TEST = re.compile(
    r"(?:.*/)?(?:tests?|spec|__tests__)/.*|(?:.*/)?(?:test_[^/]*|[^/]*[._-](?:test|spec))\.\w+"
)
_HIDDEN = frozenset({"Cf", "Cc", "Co", "Zl", "Zp"})
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\uffa0\ufe00-\ufe0d\U000e0100-\U000e01ef]"
)
"""Letters and marks that show nothing; text may be hidden in rows of them."""
_PLAIN = "\n\r\t\f"
"""Of the hidden, what ordinary texts have."""
_JOINED = re.compile("(?<=[^\x00-\x7f])\u200d(?=[^\x00-\x7f])")
"""What joins an emoji."""


MOST_TOLD = 20
"""Changes of one merge request that its history names; a landing names all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitiveChange:
    """A change that somebody has to look at before it lands."""

    path: str
    """As it is shown: what cannot be seen is written out."""
    why: str

    @property
    def words(self) -> str:
        """`package.json: it is run when something is installed or built`."""
        return f"{self.path}: {self.why}"


def told(found: Sequence[SensitiveChange]) -> tuple[str, ...]:
    """Changes as the history of a convoy has them, in words; of many the first ones and how many more."""
    words = [one.words for one in found]
    more = len(words) - MOST_TOLD
    return tuple(words) if more <= 0 else (*words[:MOST_TOLD], f"and {more} more")


def look_words(sensitive: Sequence[str]) -> tuple[str, ...]:
    """What of a merge request has to be looked at, as the end of a sentence; none where nothing has."""
    return (f"look at it before it lands: {'; '.join(sensitive)}",) if sensitive else ()


def why_sensitive(path: str, old_mode: int, new_mode: int) -> str:
    """Why a change of this path has to be looked at; empty when it has not.

    Args:
        path: what changes.
        old_mode: its mode before; 0 when it is new.
        new_mode: its mode after; 0 when it is deleted.
    """
    if not new_mode and _TEST.fullmatch(path):
        return "a test is deleted"
    for why, pattern in _PROTECTED:
        if pattern.fullmatch(path):
            return why
    if new_mode == _EXECUTABLE:
        return "it becomes executable" if old_mode != _EXECUTABLE else ""
    return {_SYMLINK: "it is a link", _GITLINK: "it is a submodule"}.get(new_mode, "")


def why_content_is(old: bytes, new: bytes) -> str:
    """Why new content has to be looked at; empty when it has not."""
    if b"\0" in new:
        return "it is no text"
    hidden = _hidden(new) - _hidden(old)
    return f"it holds {name(min(hidden), 'a control character').lower()}" if hidden else ""


def _hidden(data: bytes) -> Counter[str]:
    """How often each character is there that cannot be seen."""
    text = _JOINED.sub("", data.decode("utf-8", "replace").removeprefix("\ufeff"))
    found = Counter(_BLANK.findall(text)) if not text.isascii() else Counter[str]()
    counted = Counter(text)
    return found + Counter(
        {one: counted[one] for one in counted if category(one) in _HIDDEN and one not in _PLAIN}
    )
