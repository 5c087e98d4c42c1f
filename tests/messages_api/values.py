"""What the rooms of the server share: the models, their prices, and how a request is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

NANO_PER_DOLLAR = 1_000_000_000


class Refused(Exception):
    """A request answered with an error body instead of a reply; never billed.

    Attributes:
        status: of the HTTP answer.
        kind: the error's type in the body.
        count_as: under which name the bill counts it.
        headers: to be sent with it.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        count_as: str = "refused",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.count_as = count_as
        self.headers = headers


ERROR_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_body(kind: str, message: str, request_id: str) -> bytes:
    """The body of an answer that is no reply."""
    return to_json(
        {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}
    ).encode()


def to_json(value: object) -> str:
    """Compact JSON in the order given."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def canonical(value: object) -> str:
    """One text for equal JSON values."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def digest_of(request: Mapping[str, Any]) -> str:
    """Names what was asked: the body as it came, without `max_tokens`, its outermost names in any order."""
    return hash_of(to_json({name: request[name] for name in sorted(request) if name != "max_tokens"}))


def hash_of(*parts: str) -> str:
    """A short name for what was asked."""
    return blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model on offer. Prices are nano-dollars for one token: $1 for a million tokens is 1,000."""

    id: str
    name: str
    input: int
    output: int
    write_5m: int
    write_1h: int
    read: int
    window: int = 1_000_000
    output_limit: int = 64_000
    cache_minimum: int = 1_024
    long_above: int = 0
    """Prompts of more tokens are long; 0: there is no such tier."""
    long_factor: int = 1
    prefill: bool = False
    """Whether a request may end with words put into the model's mouth."""


MODELS = {
    model.id: model
    for model in (
        Model(
            id="claude-fable-5-2",
            name="Claude Fable 5.2",
            input=8_000,
            output=40_000,
            write_5m=10_000,
            write_1h=16_000,
            read=200,
            output_limit=128_000,
        ),
        Model(
            id="claude-opus-5-5",
            name="Claude Opus 5.5",
            input=4_000,
            output=20_000,
            write_5m=5_000,
            write_1h=8_000,
            read=200,
            output_limit=128_000,
        ),
        Model(
            id="claude-sonnet-5-5",
            name="Claude Sonnet 5.5",
            input=2_000,
            output=10_000,
            write_5m=2_500,
            write_1h=4_000,
            read=100,
        ),
        Model(
            id="claude-haiku-5-5",
            name="Claude Haiku 5.5",
            input=100,
            output=500,
            write_5m=125,
            write_1h=200,
            read=10,
            window=200_000,
            long_above=100_000,
            long_factor=5,
            prefill=True,
        ),
    )
}


def models_with(changes: Mapping[str, Mapping[str, Any]]) -> dict[str, Model]:
    """The models with a script's changes: `{"claude-haiku-5-5": {"window": 9000}, "mine": {"like": …}}`."""
    models = dict(MODELS)
    for name, change in changes.items():
        fields = dict(change)
        base = models[fields.pop("like", name)]
        models[name] = replace(base, **{**fields, "id": name})
    return models
