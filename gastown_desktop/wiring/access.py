"""The way to a model: which provider, with which key, at which price."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import httpx2

from gastown_desktop.adapters.claude import SILENCE_S, ClaudeMessages
from gastown_desktop.adapters.keychain import Keychain
from gastown_desktop.adapters.spend_transport import Consume, SpendGateTransport
from gastown_desktop.core.context import WINDOW
from gastown_desktop.core.errors import NoReservation, Refused
from gastown_desktop.core.providers import Provider
from gastown_desktop.engine.spend_gate import SpendGate

KEY_VARIABLE = "ANTHROPIC_API_KEY"
"""The one variable of the environment that the command line heeds."""
_MOST_CONNECTIONS = 64
_KEY_NAME = 8
"""Hexadecimal digits of a key's digest that name it."""
_NO_KEY = "none"
"""What is sent where no key is needed; the SDK wants one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAccess:
    """How a provider is reached."""

    provider: Provider
    key: str
    silence_s: float = SILENCE_S
    """Seconds of silence after which a reply is given up."""
    window: int = WINDOW
    """Tokens that the model takes in."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Ledger scopes that tell providers and keys apart; no part of a key is in them."""
        named = sha256(self.key.encode()).hexdigest()[:_KEY_NAME]
        return (f"provider:{self.provider.origin}", *([f"key:{named}"] if self.provider.needs_key else []))


async def find_access(
    provider: Provider, keychain: Keychain, environment: Mapping[str, str], *, silence_s: float = SILENCE_S
) -> ModelAccess:
    """Finds the key of a provider: in the environment, else in the keyring.

    Raises:
        Refused: it needs one and there is none.
        KeyringUnavailable: the keyring cannot be asked.
    """
    if not provider.needs_key:
        return ModelAccess(provider=provider, key=_NO_KEY, silence_s=silence_s)
    key = environment.get(KEY_VARIABLE, "").strip() or await keychain.find(provider.origin)
    if not key:
        raise Refused(
            f"There is no key for {provider.name}.",
            safe="Nothing was sent.",
            remedy=f"Set {KEY_VARIABLE}, or keep one in the keyring: gastown-desktop key set"
            + (f" --base-url {provider.base_url}" if provider.kind != "anthropic" else ""),
        )
    return ModelAccess(provider=provider, key=key, silence_s=silence_s)


def connect(
    access: ModelAccess, gate: SpendGate, hear_headers: Callable[[Mapping[str, str]], None] = lambda _: None
) -> ClaudeMessages:
    """A client whose every request passes the spend gate."""
    return _client(access, gate.consume, hear_headers)


def only_looking(access: ModelAccess) -> ClaudeMessages:
    """A client that can only ask what costs nothing."""

    def refuse(*_: object) -> None:
        raise NoReservation("Only what costs nothing may be asked here; nothing was sent.")

    return _client(access, refuse, lambda _: None)


def _client(
    access: ModelAccess, consume: Consume, hear_headers: Callable[[Mapping[str, str]], None]
) -> ClaudeMessages:
    """Certificates are the system's own; variables that would name a proxy are not heeded."""
    limits = httpx2.Limits(max_connections=_MOST_CONNECTIONS, max_keepalive_connections=_MOST_CONNECTIONS)
    network = httpx2.AsyncHTTPTransport(verify=ssl.create_default_context(), trust_env=False, limits=limits)
    return ClaudeMessages(
        api_key=access.key,
        base_url=access.provider.base_url,
        transport=SpendGateTransport(network, consume),
        bearer=access.provider.bearer,
        silence_s=access.silence_s,
        hear_headers=hear_headers,
    )
