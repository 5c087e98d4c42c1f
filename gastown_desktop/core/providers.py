"""Who serves the Messages API: where, how its key is sent, and what is known of its prices.

Addresses are those that each provider documents; whatever else the user types is a gateway like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from gastown_desktop.core.errors import Refused, UnknownPrice
from gastown_desktop.core.prices import PRICES, Price, price_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ONE = Fraction(1)
_MARK_UP = Fraction(11, 10)
"""Gateways add fees of at most a tenth (OpenRouter's on credits was 5.5 % when this was written)."""

FREE = Price(input=0, output=0, cache_write_5m=0, cache_write_1h=0, cache_read=0)
"""What a model on the user's own machine costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One place that answers `POST /v1/messages`."""

    name: str
    base_url: str
    """What `/v1/messages` is appended to."""
    kind: Literal["anthropic", "gateway", "local"]
    bearer: bool = False
    """The key goes in `Authorization`, not in `x-api-key`."""
    factor: Fraction = _ONE
    """The worst multiplier on list prices that it may charge."""

    @property
    def origin(self) -> str:
        """Scheme, host and port: what a key belongs to."""
        return origin_of(self.base_url)

    @property
    def needs_key(self) -> bool:
        """False for what runs on the user's own machine."""
        return self.kind != "local"


PROVIDERS: tuple[Provider, ...] = (
    Provider(name="Anthropic", base_url="https://api.anthropic.com", kind="anthropic"),
    Provider(
        name="OpenRouter",
        base_url="https://openrouter.ai/api",
        kind="gateway",
        bearer=True,
        factor=_MARK_UP,
    ),
    Provider(
        name="Kilo gateway",
        base_url="https://api.kilo.ai/api/gateway",
        kind="gateway",
        bearer=True,
        factor=_MARK_UP,
    ),
    Provider(name="Ollama", base_url="http://localhost:11434", kind="local"),
    Provider(name="LM Studio", base_url="http://localhost:1234", kind="local"),
    Provider(name="llama.cpp", base_url="http://localhost:8080", kind="local"),
)
ANTHROPIC = PROVIDERS[0]


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, in lower case; the port where it is not the scheme's own."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    port = (
        f":{parts.port}" if parts.port and parts.port != {"https": 443, "http": 80}.get(parts.scheme) else ""
    )
    return f"{parts.scheme.lower()}://{shown}{port}"


def provider_at(base_url: str) -> Provider:
    """The provider at an address.

    Raises:
        Refused: it is no address that a key or a prompt may be sent to.
    """
    try:
        origin = origin_of(base_url)
        parts = urlsplit(base_url)
    except ValueError as error:
        raise Refused(f"{base_url} is no address: {error}.", safe="Nothing was sent.") from None
    if parts.username or parts.password or parts.query or parts.fragment or not parts.hostname:
        raise Refused(
            f"{base_url} is no base URL.",
            safe="Nothing was sent.",
            remedy="Give scheme, host and path only; the key goes into the keyring.",
        )
    local = parts.hostname.lower() in _LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise Refused(
            f"{base_url} is not encrypted.",
            safe="Nothing was sent.",
            remedy="Use https; plain http is for this machine only.",
        )
    if local:
        origin = origin.replace("127.0.0.1", "localhost").replace("[::1]", "localhost")
    known = next((one for one in PROVIDERS if one.origin == origin), None)
    if known is not None:
        return Provider(
            name=known.name,
            base_url=base_url.rstrip("/"),
            kind=known.kind,
            bearer=known.bearer,
            factor=known.factor,
        )
    return Provider(
        name=parts.hostname, base_url=base_url.rstrip("/"), kind="gateway", factor=_ONE if local else _MARK_UP
    )


def price_at(provider: Provider, model: str, typed: Mapping[str, Price] | None = None) -> Price:
    """What a model costs at a provider: as typed, nothing on the own machine, else its list price.

    Raises:
        UnknownPrice: nobody knows; under a cap it cannot run.
    """
    if typed and model in typed:
        return typed[model]
    if provider.kind == "local" and model not in PRICES:
        return FREE
    try:
        return price_of(model.removeprefix("anthropic/"), typed)
    except UnknownPrice:
        raise UnknownPrice(
            f"The price of {model} at {provider.name} is not known.",
            safe="Nothing was sent.",
            remedy="Give it with --price IN/OUT in dollars per million tokens, or choose another model.",
        ) from None
