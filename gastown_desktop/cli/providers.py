"""`key` and `models`: the keys of providers, and what they offer; none of it costs anything."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from gastown_desktop.adapters.claude import ClaudeMessages
from gastown_desktop.adapters.keychain import Keychain
from gastown_desktop.adapters.settings_file import Settings, read_settings
from gastown_desktop.core.errors import Refused, UnknownPrice
from gastown_desktop.core.plain_text import printable
from gastown_desktop.core.prices import PRICES_DATED, Price
from gastown_desktop.core.providers import Provider, price_at, provider_at
from gastown_desktop.engine.ports import ModelFacts
from gastown_desktop.paths import settings_file
from gastown_desktop.wiring.access import find_access, only_looking

_PER_MILLION = 1_000
"""Nano-dollars a token of one dollar a million."""


async def key(given: argparse.Namespace) -> int:
    """Keeps, removes or tests the key of a provider."""
    _, provider = _chosen(given)
    match given.action:
        case "set":
            await Keychain().keep(provider.origin, await _typed_key(provider))
            print(f"The key for {provider.name} ({provider.origin}) is in the keyring.")
        case "remove":
            await Keychain().forget(provider.origin)
            print(f"There is no key for {provider.name} ({provider.origin}) in the keyring any more.")
        case _:
            async with _client(provider) as client:
                offered = await client.models()
            print(f"{provider.name} ({provider.origin}) takes the key and offers {len(offered)} models.")
    return 0


async def models(given: argparse.Namespace) -> int:
    """Lists what a provider offers: context, longest reply, price."""
    settings, provider = _chosen(given)
    async with _client(provider) as client:
        offered = await client.models()
    listed = [(one, _price(provider, one.id, settings)) for one in offered]
    if given.json:
        rows = [_as_json(one, price) for one, price in listed]
        print(json.dumps({"provider": provider.name, "prices_dated": PRICES_DATED, "models": rows}))
        return 0
    for one, price in listed:
        print(printable(f"{one.id:36} {_window(one):>16}  {_words(price)}"))
    print(f"Dollars per million tokens, in/out; list prices as of {PRICES_DATED}.", file=sys.stderr)
    return 0


def _chosen(given: argparse.Namespace) -> tuple[Settings, Provider]:
    settings = read_settings(settings_file(given.data_dir))
    return settings, provider_at(given.base_url or settings.base_url)


async def _typed_key(provider: Provider) -> str:
    """A key from the terminal, without echo, or from standard input.

    Raises:
        Refused: nothing was typed.
    """
    if sys.stdin.isatty():
        typed = await asyncio.to_thread(getpass.getpass, f"Key for {provider.name}: ")
    else:
        typed = await asyncio.to_thread(sys.stdin.readline)
    if not typed.strip():
        raise Refused("No key was given.", safe="Nothing was changed.")
    return typed.strip()


@asynccontextmanager
async def _client(provider: Provider) -> AsyncIterator[ClaudeMessages]:
    """A client that can only ask what costs nothing."""
    client = only_looking(await find_access(provider, Keychain(), os.environ))
    try:
        yield client
    finally:
        await client.close()


def _price(provider: Provider, model: str, settings: Settings) -> Price | None:
    try:
        return price_at(provider, model, settings.typed_prices())
    except UnknownPrice:
        return None


def _as_json(one: ModelFacts, price: Price | None) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "context": one.window,
        "longest_reply": one.longest_reply,
        "usd_per_million_in": None if price is None else price.input / _PER_MILLION,
        "usd_per_million_out": None if price is None else price.output / _PER_MILLION,
        "dear_above": None if price is None else price.long_prompt_above,
    }


def _window(one: ModelFacts) -> str:
    return "context unknown" if one.window is None else f"{one.window:,} tokens"


def _words(price: Price | None) -> str:
    if price is None:
        return "price unknown: give it with --price"
    if not price.input and not price.output:
        return "$0, on your own machine"
    words = f"${price.input / _PER_MILLION:g}/${price.output / _PER_MILLION:g}"
    if price.long_prompt_above is not None:
        words += f", {price.long_prompt_factor} times above {price.long_prompt_above:,} tokens"
    return words


COMMANDS: dict[str, Callable[[argparse.Namespace], Awaitable[int]]] = {"key": key, "models": models}
"""Each command and what it does."""
