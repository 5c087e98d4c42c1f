"""Keys in the keyring of the system, whatever state that is in."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

from gastown_desktop.adapters.keychain import SERVICE, Keychain
from gastown_desktop.core.errors import KeyringUnavailable
from tests.fakes.memory_keyring import MemoryKeyring

ORIGIN, OTHER = "https://api.anthropic.com", "https://openrouter.ai"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


def use(backend: KeyringBackend) -> None:
    keyring.set_keyring(backend)


async def test_a_key_is_kept_for_its_origin_alone_and_forgotten() -> None:
    ring = MemoryKeyring()
    use(ring)
    await Keychain().keep(ORIGIN, "sk-1")
    assert ring.kept == {(SERVICE, ORIGIN): "sk-1"}
    assert await Keychain().find(ORIGIN) == "sk-1"
    assert await Keychain().find(OTHER) is None
    await Keychain().forget(ORIGIN)
    await Keychain().forget(ORIGIN)
    assert await Keychain().find(ORIGIN) is None


async def test_without_a_keyring_it_says_so_and_the_key_lasts_as_long_as_the_program() -> None:
    use(NoKeyring())
    chain = Keychain()
    with pytest.raises(KeyringUnavailable, match="NoKeyringError"):
        await chain.keep(ORIGIN, "sk-1")
    assert await chain.find(ORIGIN) == "sk-1"
    with pytest.raises(KeyringUnavailable):
        await Keychain().find(ORIGIN)


async def test_a_keyring_that_nobody_unlocks_holds_nothing_up() -> None:
    released = threading.Event()

    class Silent(MemoryKeyring):
        def get_password(self, service: str, username: str) -> str | None:
            released.wait(30)
            return super().get_password(service, username)

    use(Silent())
    try:
        with pytest.raises(KeyringUnavailable, match="does not answer"):
            await Keychain(patience_s=0.05).find(ORIGIN)
    finally:
        released.set()
