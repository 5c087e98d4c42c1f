"""Changes that somebody has to look at before they land, whatever the gates say: they change what is run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import category, name

_EXECUTABLE, _SYMLINK, _GITLINK = 0o100755, 0o120000, 0o160000
_PROTECTED: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (why, re.compile(rf"(?:.*/)?(?:{pattern})"))
    for why, pattern in (
        ("it says what gates run", r"\.gastown\.toml"),
        (
            "it is run in CI",
            r"\.github/(workflows|actions)/.*|\.gitlab-ci\.ya?ml|\.circleci/.*|\.ci/.*|\.buildkite/.*|Jenkinsfile"
            r"|azure-pipelines\.ya?ml|bitbucket-pipelines\.yml|\.travis\.yml",
        ),
        (
            "it says what is tested",
            r"conftest\.py|pytest\.ini|tox\.ini|noxfile\.py|\.coveragerc|(jest|vitest|karma|playwright)\.config\.\w+"
            r"|\.mocharc\..*|phpunit\.xml(\.dist)?",
        ),
        (
            "it is run by git",
            r"\.husky/.*|\.githooks/.*|\.pre-commit-config\.yaml|lefthook\.ya?ml|\.gitmodules",
        ),
        (
            "it is run when something is installed or built",
            r"package\.json|setup\.py|pyproject\.toml|build\.rs|Makefile|Dockerfile|\.npmrc|\.yarnrc(\.yml)?",
        ),
        (
            "it says what is installed",
            r"package-lock\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock|uv\.lock|pdm\.lock|Pipfile\.lock"
            r"|Cargo\.lock|go\.sum|Gemfile\.lock|composer\.lock|flake\.lock",
        ),
        (
            "editors, shells or agents act on it",
            r"\.mcp\.json|\.envrc|\.vscode/.*|\.idea/.*|\.devcontainer/.*|\.claude/.*|AGENTS\.md|CLAUDE\.md",
        ),
    )
)
_TEST = re.compile(
    r"(?:.*/)?(?:tests?|spec|__tests__)/.*|(?:.*/)?(?:test_[^/]*|[^/]*[._-](?:test|spec))\.\w+"
)
_HIDDEN = frozenset({"Cf", "Cc", "Co"})
_PLAIN = "\n\r\t\f\ufeff\u200d"
"""Of those, what ordinary texts have: line ends, a mark at the beginning, what joins an emoji."""


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
    if new_mode == old_mode:
        return ""
    kinds = {_EXECUTABLE: "it becomes executable", _SYMLINK: "it is a link", _GITLINK: "it is a submodule"}
    return kinds.get(new_mode, "")


def why_content_is(old: bytes, new: bytes) -> str:
    """Why new content has to be looked at; empty when it has not."""
    if b"\0" in new:
        return "it is no text"
    hidden = _hidden(new) - _hidden(old)
    return f"it holds {name(min(hidden), 'a control character').lower()}" if hidden else ""


def _hidden(data: bytes) -> set[str]:
    characters = set(data.decode("utf-8", "replace"))
    return {one for one in characters if category(one) in _HIDDEN and one not in _PLAIN}
