"""The way to a model: which key goes where."""

from __future__ import annotations

import pytest

from gastown_desktop.adapters.keychain import Keychain
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.providers import ANTHROPIC, provider_at
from gastown_desktop.wiring.access import KEY_VARIABLE, find_access

WITH_KEY = {KEY_VARIABLE: "sk-environment"}


async def test_the_environment_s_key_comes_before_the_keyring_s() -> None:
    chain = Keychain()
    chain.remember(ANTHROPIC.origin, "sk-ring")
    assert (await find_access(ANTHROPIC, chain, WITH_KEY)).key == "sk-environment"
    assert (await find_access(ANTHROPIC, chain, {})).key == "sk-ring"


async def test_what_runs_on_the_own_machine_gets_no_key() -> None:
    access = await find_access(provider_at("http://localhost:11434"), Keychain(), WITH_KEY)
    assert "sk-" not in access.key


async def test_without_a_key_it_says_how_to_give_one() -> None:
    chain = Keychain()
    chain.remember(ANTHROPIC.origin, "")
    with pytest.raises(Refused, match="no key") as refused:
        await find_access(ANTHROPIC, chain, {})
    assert KEY_VARIABLE in refused.value.remedy
