"""Gas Town Desktop: run a fleet of coding agents on a git repository, under a cap that is never passed."""

from __future__ import annotations

__version__ = "0.1.0"
