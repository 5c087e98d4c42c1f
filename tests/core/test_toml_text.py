"""TOML of others is read in time that does not depend on its tricks."""

from __future__ import annotations

import pytest

from gastown_desktop.core.toml_text import LARGEST, MOST_DOTS, toml_in


def test_what_people_write_is_read() -> None:
    assert toml_in('[a.b]\nc = "1.2.3"\n') == {"a": {"b": {"c": "1.2.3"}}}
    assert toml_in("a" + ".a" * MOST_DOTS + " = 1")


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * 100_000 + " = 1",
        "[a" + ".a" * 100_000 + "]",
        "#" * (LARGEST + 1),
        "a = " + "9" * 5_000,
        "a =",
    ],
)
def test_what_nobody_writes_is_refused_at_once(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        toml_in(text)
