"""The log file, with every key redacted."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import MutableMapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog

_SECRET = re.compile(r"\b(sk-[A-Za-z0-9_-]{8,}|gh[pousr]_[A-Za-z0-9]{20,}|xox[abp]-[A-Za-z0-9-]{10,})")
_SECRET_NAMES = re.compile(r"key|token|secret|password|authorization", re.IGNORECASE)
_MOST_BYTES = 2_000_000


def start_logging(folder: Path) -> None:
    """Writes warnings and errors of this process to `<folder>/gastown.log`, one JSON object a line."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = RotatingFileHandler(folder / "gastown.log", maxBytes=_MOST_BYTES, backupCount=2, delay=True)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                redact,
                structlog.processors.JSONRenderer(),
            ]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def keep_no_core() -> None:
    """A crash of this process or of its children leaves no picture of its memory, in which keys are."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces values that are keys by their looks or by their field's name."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = "‹redacted›"
        elif isinstance(value, str):
            event[name] = _SECRET.sub("‹redacted›", value)
    return event
