"""The Messages API through the `anthropic` SDK: one request, one stream, no retries.

The SDK is imported on first use (about a second). Its HTTP client is ours, so that every request passes
the spend gate's transport; key and base URL are given explicitly, since environment variables could
redirect a key. What a provider or a gateway says in an error may repeat the key: it is masked here, before
anything else sees it, and the SDK's own error, which has it in clear, is no cause of ours.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import ssl
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from gastown_desktop.core.errors import CapReached, ModelError, NoReservation, StoreError
from gastown_desktop.core.providers import origin_of
from gastown_desktop.core.secrets import Secret, Secrets
from gastown_desktop.engine.ports import ModelFacts, ModelRequest
from gastown_desktop.engine.spend_gate import RESERVATION_HEADER, request_body

if TYPE_CHECKING:
    import httpx2
    from anthropic import APIStatusError, AsyncAnthropic

_log = logging.getLogger(__name__)

SILENCE_S = 120.0
"""Seconds without a byte after which a reply is given up; the API pings far more often."""
_CONNECT_S = 20.0
_LONGEST_WORDS = 500
_CUT_SHORT = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError, ssl.SSLWantReadError)
"""Ends of a connection under TLS that the next attempt may not meet."""
_KEY_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL")
_ABOUT_MONEY = re.compile(r"credit balance|spend(ing)? limit|usage limits?\b|billing", re.IGNORECASE)
"""How the API words a 400 that is about the account and not about the request."""
_CUSTOM_HEADERS = "ANTHROPIC_CUSTOM_HEADERS"
"""A variable whose lines the SDK would add to every request: another key, or a feature at another price."""


class ClaudeMessages:
    """Implements the ModelStream port."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        transport: httpx2.AsyncBaseTransport,
        bearer: bool = False,
        silence_s: float = SILENCE_S,
        hear_headers: Callable[[Mapping[str, str]], None] = lambda _: None,
    ) -> None:
        """Makes the client.

        Args:
            api_key: sent to `base_url` only.
            base_url: what `/v1/messages` is appended to.
            transport: must be the spend gate's.
            bearer: the key goes in `Authorization`.
            silence_s: seconds of silence after which a reply is given up.
            hear_headers: hears the headers of every answer, names in lower case.
        """
        import anthropic
        import httpx2

        timeout = httpx2.Timeout(silence_s, connect=min(silence_s, _CONNECT_S))
        http = httpx2.AsyncClient(
            transport=transport, follow_redirects=False, trust_env=False, timeout=timeout
        )
        self._errors = anthropic
        self._network = httpx2
        self._hear_headers = hear_headers
        self._origin = origin_of(base_url)
        self._own = Secrets([Secret("provider key", api_key)])
        key: dict[str, Any] = {"auth_token": api_key} if bearer else {"api_key": api_key}
        with _without(_CUSTOM_HEADERS, *_KEY_VARIABLES):
            self._client: AsyncAnthropic = anthropic.AsyncAnthropic(
                **key, base_url=base_url, http_client=http, max_retries=0, timeout=timeout
            )

    async def models(self) -> list[ModelFacts]:
        """The models that the provider offers, in its order; costs nothing.

        Raises:
            ModelError: it does not answer, or has no such list (404).
        """
        try:
            listed = await self._client.models.list(limit=1_000)
        except (self._errors.APIError, self._network.HTTPError) as error:
            raise self._translated(error) from None
        except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError, ValueError) as error:
            raise ModelError(f"The list of models could not be read: {self._told(error)}") from None
        return [
            ModelFacts(
                id=one.id,
                name=getattr(one, "display_name", None) or one.id,
                window=getattr(one, "max_input_tokens", None),
                longest_reply=getattr(one, "max_tokens", None),
            )
            for one in listed.data
        ]

    async def stream(
        self, request: ModelRequest, *, reservation: str
    ) -> AsyncGenerator[Mapping[str, object], None]:
        """Sends one request and yields its raw events.

        Raises:
            NoReservation, CapReached, StoreError: refused by the spend gate before it left.
            ModelError: the provider or the connection failed.
        """
        parameters = cast("Any", request_body(request, self._origin))
        try:
            stream = await cast("Any", self._client.messages).create(
                **parameters, extra_headers={RESERVATION_HEADER: reservation}
            )
            self._hear_headers(stream.response.headers)
            async with stream:
                async for event in stream:
                    yield event.model_dump(mode="json", exclude_none=True, warnings=False)
        except (self._errors.APIError, self._network.HTTPError) as error:
            raise self._translated(error) from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ModelError(f"The reply could not be read: {self._told(error)}", retry_after=1.0) from None

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.close()

    def _translated(self, error: Exception) -> Exception:
        """Our error for one of the SDK's; what the gate refused comes out unwrapped."""
        cause = error.__cause__
        if isinstance(cause, (NoReservation, CapReached, StoreError, ModelError)):
            return cause
        if isinstance(error, self._errors.APIStatusError):
            headers = error.response.headers
            self._hear_headers(headers)
            request = self._told(headers.get("request-id", "a request"))
            _log.warning("the provider answered %s to %s", error.status_code, request)
            return _refused(error.status_code, self._told(_words_of(error)), headers.get("retry-after", ""))
        never_sent = isinstance(cause, (self._network.ConnectError, self._network.ConnectTimeout))
        if never_sent and (why := _distrust(cause)):
            return ModelError(
                f"There is no safe connection to {self._origin}: {self._told(why)}.",
                unbilled=True,
                closes=True,
                safe="No request was sent and nothing was charged.",
                remedy="Check the address. Where a certificate of your own is in use, name the file of its "
                "authority in SSL_CERT_FILE.",
            )
        return ModelError(
            f"The connection to the provider failed: {self._told(cause or error)}",
            retry_after=1.0,
            unbilled=never_sent,
        )

    def _told(self, words: object) -> str:
        """What the other side says, without the key: masked before it is cut, so that no part is left."""
        return self._own.masked(str(words))[:_LONGEST_WORDS]


@contextlib.contextmanager
def _without(*variables: str) -> Generator[None, None, None]:
    """Hides environment variables that the SDK reads and offers no other way to ignore."""
    values = {name: os.environ.pop(name) for name in variables if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(values)


def _distrust(error: BaseException | None) -> str:
    """Why TLS refuses the other side, as nothing but a change can mend; empty for any other failure."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its TLS certificate was refused ({getattr(error, 'verify_message', error)})"
        if isinstance(error, ssl.SSLError) and not isinstance(error, _CUT_SHORT):
            return f"it does not speak TLS as it has to ({getattr(error, 'reason', error)})"
        error = error.__cause__ or error.__context__
    return ""


def _words_of(error: APIStatusError) -> str:
    """What the provider says, without the wrapping."""
    body: Any = error.body
    inner = cast("dict[str, Any]", body).get("error") if isinstance(body, dict) else None
    words = cast("dict[str, Any]", inner).get("message") if isinstance(inner, dict) else None
    return str(words or error.message)


def _refused(status: int, message: str, waits: str) -> ModelError:
    """What an answer other than a reply means; an error in the middle of a reply has status 200."""
    if status == HTTPStatus.BAD_REQUEST and _ABOUT_MONEY.search(message):
        status = HTTPStatus.PAYMENT_REQUIRED
    retryable = status in {200, 408, 409, 429} or status >= 500
    seconds = float(waits) if waits.replace(".", "", 1).isdecimal() else 1.0
    return ModelError(
        f"The provider answered {status}: {message}",
        status=status,
        unbilled=400 <= status < 500 or status == 529,
        retry_after=seconds if retryable else None,
        closes=300 <= status < 400,
        safe="It was not sent on to another address." if 300 <= status < 400 else "",
    )
