"""`settings.toml`: what the user wants when the command does not say."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gastown_desktop.core.errors import Refused


class Settings(BaseModel):
    """The user's settings; anything missing has the program's default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    polecats: int = Field(default=6, ge=1, le=30)
    """Workers at once."""
    model: str = "claude-opus-5-5"
    """Model of the fleet."""
    rehearsal_limit_usd: float = Field(default=100.0, gt=0, le=1_000_000)
    """Limit of a rehearsal at list price; a rehearsal spends nothing."""


def read_settings(path: Path) -> Settings:
    """The settings in a file that need not exist.

    Raises:
        Refused: the file is no TOML, or a value makes no sense; names it.
    """
    if not path.exists():
        return Settings()
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read: {error}.", remedy="Mend or remove it.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Refused(f"{path}: {place}: {first['msg']}.", remedy="Mend or remove it.") from None
