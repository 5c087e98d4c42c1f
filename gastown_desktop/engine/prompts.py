"""How prompts are laid out, so that the fleet shares a cache: tools, rules of the role, repository, task.

What differs from worker to worker (name, branch, commit) stands in the first user message and nowhere before.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

CACHED = {"type": "ephemeral"}
"""Marks the end of a prefix that the provider keeps for five minutes."""

SystemBlocks = tuple[Mapping[str, Any], ...]
"""System blocks of a request, each marked for the cache."""


def system_blocks(*texts: str) -> SystemBlocks:
    """The rules of a role, then what is shared besides; empty texts are left out."""
    return tuple({"type": "text", "text": text, "cache_control": CACHED} for text in texts if text)


def prefix_digest(tools: tuple[Mapping[str, object], ...], system: SystemBlocks) -> str:
    """Names what requests of a role begin with: equal for two requests that share their cache."""
    return sha256(repr((tools, system)).encode("utf-8", "backslashreplace")).hexdigest()[:16]
