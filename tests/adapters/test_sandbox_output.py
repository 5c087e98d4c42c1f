"""What is kept of long output, and what a cut through a secret leaves of it."""

from __future__ import annotations

import pytest

from gastown_desktop.adapters.processes import CappedOutput
from gastown_desktop.adapters.sandbox.output import Ends
from gastown_desktop.core.secrets import Secret, Secrets

VALUE = "pq-LIVE-8f3a9c2e7d1b4a6f5e0d"
LIMIT = 3_000


@pytest.mark.parametrize("kind", [Ends, CappedOutput])
@pytest.mark.parametrize("shown", [4, 8, len(VALUE) - 2, len(VALUE) - 1, len(VALUE)])
def test_a_secret_that_the_gap_parts_is_masked_on_either_side(
    kind: type[Ends] | type[CappedOutput], shown: int
) -> None:
    secrets = Secrets([Secret("DB_PASSWORD", VALUE)])
    output = kind(LIMIT)
    output.add(b"." * (LIMIT // 2 - shown) + VALUE.encode() + b"." * 9_000)
    output.add(VALUE.encode() + b"." * (LIMIT // 2 - shown))
    text = secrets.masked(output.content().decode())
    assert "bytes left out" in text
    assert VALUE[:4] not in text
    assert VALUE[-4:] not in text
    assert text.count("‹secret:DB_PASSWORD›") == 2
