"""What a machine must be able to do for some tests.

Where it cannot, those tests are skipped, except in CI, which must run them all.
"""

from __future__ import annotations

import os

import pytest


def lacking(reason: str) -> None:
    """Ends a test that cannot run here: a skip at home, a failure in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"CI has to run this: {reason}")
    pytest.skip(reason)
