"""`settings.toml`: what the user wants when the command does not say."""

from __future__ import annotations

import os
import tempfile
import tomllib
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import tomlkit
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item

from gastown_desktop.core.allowed_hosts import listed_hosts
from gastown_desktop.core.errors import Refused, StoreError
from gastown_desktop.core.polecat import MOST_POLECATS
from gastown_desktop.core.prices import PRICES, Price, typed_price
from gastown_desktop.core.providers import ANTHROPIC, provider_at

_REMEDY = "Mend or remove it."
_NANO_DIGITS = 9
"""Digits after the point that an amount of dollars may have: a nano-dollar."""
_Dollars = Annotated[Decimal, Field(gt=0, le=1_000_000, decimal_places=_NANO_DIGITS)]


def _priced(model: str) -> str:
    """A model whose price is known: without one no limit can be kept."""
    if model not in PRICES:
        raise ValueError(f"the price of {model} is not known; choose one of {', '.join(sorted(PRICES))}")
    return model


def _provider(base_url: str) -> str:
    """An address that a prompt may be sent to."""
    try:
        return provider_at(base_url).base_url
    except Refused as refused:
        raise ValueError(str(refused)) from None


class TypedPrice(BaseModel):
    """What a model costs, in dollars per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Annotated[Decimal, Field(ge=0, le=10_000, decimal_places=3)]
    output: Annotated[Decimal, Field(ge=0, le=10_000, decimal_places=3)]

    def price(self) -> Price:
        """The same in nano-dollars per token; the cache is held at the dearest it is anywhere."""
        return typed_price(self.input, self.output)


class Settings(BaseModel):
    """The user's settings; anything missing has the program's default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theme: Literal["system", "light", "dark"] = "system"
    rail: Literal["open", "icons"] = "open"
    """The rail with words, or with icons alone."""
    density: Literal["cards", "table"] = "cards"
    """How the fleet is shown at first."""
    reduced_motion: Annotated[bool, Field(strict=True)] = False
    """Nothing moves or blinks."""
    polecats: Annotated[int, Field(strict=True, ge=1, le=MOST_POLECATS)] = 6
    """Workers at once."""
    model: Annotated[str, AfterValidator(_priced)] = "claude-opus-5-5"
    """Model of the fleet."""
    base_url: Annotated[str, AfterValidator(_provider)] = ANTHROPIC.base_url
    """Where models are asked."""
    silence_s: Annotated[float, Field(ge=1, le=3_600)] = 120.0
    """Seconds without a byte after which a reply is given up."""
    prices: dict[str, TypedPrice] = Field(default_factory=dict[str, TypedPrice])
    """Prices of models that the program does not know, or that cost the user something else."""
    rehearsal_limit_usd: _Dollars = Decimal(100)
    """Limit of a rehearsal at list price, in dollars; a rehearsal spends nothing."""

    day_cap: _Dollars | None = None
    """What real work may spend on a calendar day, in dollars, whatever the repository; none: no limit."""
    town_cap: _Dollars | None = None
    """What real work may ever spend through this data folder, in dollars; none: no limit."""

    allowed_hosts: Annotated[tuple[str, ...], AfterValidator(listed_hosts)] = ()
    """Hosts that commands of workers and gates may reach, `name` or `name:port`; none: no network."""
    setup_hosts: Annotated[tuple[str, ...], AfterValidator(listed_hosts)] = ()
    """Hosts that a repository's setup may reach besides, `name` or `name:port`."""
    copy_files: Annotated[bool, Field(strict=True)] = False
    """Ignored files that a repository proposes are copied into working folders."""

    def typed_prices(self) -> dict[str, Price]:
        """The prices that the user typed, by model."""
        return {model: typed.price() for model, typed in self.prices.items()}


def read_settings(path: Path) -> Settings:
    """The settings in a file that need not exist.

    Raises:
        Refused: the file cannot be read, is no TOML, or a value makes no sense; names it.
    """
    return _settings_of(path, _text_of(path))


def write_setting(path: Path, name: str, value: str | int | bool | Decimal | None) -> Settings:
    """Changes one value of the file and nothing else: comments and order stay; returns what is in force then.

    Args:
        path: the file, made when missing; a link stays one.
        name: a field of `Settings`.
        value: what it becomes; None takes it out, so that the default holds again.

    Raises:
        Refused: the file cannot be read, or the value makes no sense; nothing was written.
        StoreError: it could not be written; the old file is whole.
    """
    text = _text_of(path)
    _settings_of(path, text)
    if name not in Settings.model_fields:
        raise Refused(f"There is no setting {name}.", safe="Nothing was changed.")
    changed = _changed(path, text, name, value)
    try:
        settings = Settings.model_validate(tomllib.loads(changed, parse_float=Decimal))
    except ValidationError as error:
        raise Refused(f"{_words(error)}.", safe="Nothing was changed.") from None
    _write(path, changed)
    return settings


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise Refused(f"{path} cannot be read: {error}.", remedy=_REMEDY) from None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.", remedy=_REMEDY) from None


def _settings_of(path: Path, text: str) -> Settings:
    try:
        return Settings.model_validate(tomllib.loads(text, parse_float=Decimal))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Refused(f"{path} cannot be read: {error}.", remedy=_REMEDY) from None
    except ValidationError as error:
        raise Refused(f"{path}: {_words(error)}.", remedy=_REMEDY) from None


def _words(error: ValidationError) -> str:
    """The first thing that is wrong, by its key."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"there is no setting {place}"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"


def _changed(path: Path, text: str, name: str, value: str | int | bool | Decimal | None) -> str:
    """The file's text with one value changed."""
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise Refused(f"{path} cannot be read: {error}.", remedy=_REMEDY) from None
    if value is not None:
        document[name] = tomlkit.value(f"{value:f}") if isinstance(value, Decimal) else value
    elif name in document:
        held: Any = document.item(name)
        document.remove(name)
        if isinstance(held, Item) and held.trivia.comment:
            document.add(tomlkit.comment(held.trivia.comment.lstrip("# ")))
    return tomlkit.dumps(document)


def _write(path: Path, text: str) -> None:
    """Puts a new file in the place of the old one, or leaves the old one."""
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(mode)
            Path(name).replace(target)
        except OSError:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise StoreError(
            f"{path} could not be written: {error.strerror}.",
            safe="The file is as it was.",
            remedy="Check the folder's rights and the free space.",
        ) from error
