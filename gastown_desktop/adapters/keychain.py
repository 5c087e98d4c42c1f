"""Keys of providers in the keyring of the operating system: one service, one account an origin.

A keyring may be absent, locked, or ask in a window that nobody answers; none of that may stop the program, so
every call runs in a thread of its own and is given up after a while. A key is never written to a file.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar, cast

from gastown_desktop.core.errors import KeyringUnavailable

SERVICE = "gastown-desktop"
PATIENCE_S = 20.0
"""Seconds that the keyring may take, which is a user who types a password."""
_REMEDY = "Unlock it, or set ANTHROPIC_API_KEY for this session."
_T = TypeVar("_T")


class Keychain:
    """Keys by origin; those that the keyring does not take are kept until the program ends."""

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        """Touches no keyring yet.

        Args:
            patience_s: seconds until a call is given up.
        """
        self._patience_s = patience_s
        self._remembered: dict[str, str] = {}

    def remember(self, origin: str, key: str) -> None:
        """Keeps a key in memory only."""
        self._remembered[origin] = key

    async def find(self, origin: str) -> str | None:
        """The key of an origin; None where there is none.

        Raises:
            KeyringUnavailable: the keyring cannot be asked, and none is remembered.
        """
        if origin in self._remembered:
            return self._remembered[origin]
        return await self._ask(lambda: _keyring().get_password(SERVICE, origin))

    async def keep(self, origin: str, key: str) -> None:
        """Stores a key in the keyring.

        Raises:
            KeyringUnavailable: it was not stored; it is remembered until the program ends.
        """
        self._remembered[origin] = key
        await self._ask(lambda: _keyring().set_password(SERVICE, origin, key))
        del self._remembered[origin]

    async def forget(self, origin: str) -> None:
        """Removes a key; one that does not exist is no error.

        Raises:
            KeyringUnavailable: the keyring cannot be asked.
        """
        self._remembered.pop(origin, None)

        def remove() -> None:
            if _keyring().get_password(SERVICE, origin) is not None:
                _keyring().delete_password(SERVICE, origin)

        await self._ask(remove)

    async def _ask(self, call: Callable[[], _T]) -> _T:
        """Runs a call of the keyring in a thread that is left behind when it hangs."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_T] = loop.create_future()

        def settle(how: Callable[[], None]) -> None:
            if not answer.done():
                how()

        def tell(how: Callable[[], None]) -> None:
            with suppress(RuntimeError):  # nobody waits any more: the program ended meanwhile
                loop.call_soon_threadsafe(settle, how)

        def run() -> None:
            try:
                value = call()
            except Exception as raised:  # noqa: BLE001 - backends raise whatever their library does
                error = KeyringUnavailable(
                    f"The keyring of this system cannot be used ({_reason(raised)}).",
                    safe="No key was written anywhere.",
                    remedy=_REMEDY,
                )
                tell(lambda: answer.set_exception(error))
            else:
                tell(lambda: answer.set_result(value))

        threading.Thread(target=run, name="keyring", daemon=True).start()
        try:
            async with asyncio.timeout(self._patience_s):
                return await answer
        except TimeoutError:
            raise KeyringUnavailable(
                "The keyring of this system does not answer.",
                safe="No key was written anywhere.",
                remedy=_REMEDY,
            ) from None


class _Keyring(Protocol):
    """What is used of the library."""

    def get_password(self, service_name: str, username: str) -> str | None: ...
    def set_password(self, service_name: str, username: str, password: str) -> None: ...
    def delete_password(self, service_name: str, username: str) -> None: ...


def _keyring() -> _Keyring:
    """The library, brought in on first use."""
    import keyring

    return cast("_Keyring", keyring)


def _reason(error: Exception) -> str:
    """The first sentence of what a backend says, by its kind."""
    first = str(error).strip().split(". ")[0].splitlines()
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__
