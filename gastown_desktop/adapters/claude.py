"""The Messages API through the `anthropic` SDK: one request, one stream, no retries.

The SDK is imported on first use (about a second). Its HTTP client is ours, so that every request passes
the spend gate's transport; key and base URL are given explicitly, since environment variables could
redirect a key.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncGenerator, Generator, Mapping
from typing import TYPE_CHECKING, Any, cast

from gastown_desktop.core.errors import CapReached, ModelError, NoReservation, StoreError
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.spend_gate import RESERVATION_HEADER, request_body

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic


_CUSTOM_HEADERS = "ANTHROPIC_CUSTOM_HEADERS"
"""A variable whose lines the SDK would add to every request: another key, or a feature at another price."""


class ClaudeMessages:
    """Implements the ModelStream port."""

    def __init__(self, *, api_key: str, base_url: str, transport: httpx2.AsyncBaseTransport) -> None:
        """Makes the client.

        Args:
            api_key: sent to `base_url` only.
            base_url: origin of the Messages API.
            transport: must be the spend gate's.
        """
        import anthropic
        import httpx2

        http = httpx2.AsyncClient(transport=transport, follow_redirects=False, trust_env=False, timeout=600.0)
        self._errors = anthropic
        self._network = httpx2
        self._origin = base_url.rstrip("/")
        with _without(_CUSTOM_HEADERS):
            self._client: AsyncAnthropic = anthropic.AsyncAnthropic(
                api_key=api_key, base_url=base_url, http_client=http, max_retries=0
            )

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
            async with stream:
                async for event in stream:
                    yield event.model_dump(mode="json", exclude_none=True, warnings=False)
        except (self._errors.APIError, self._network.HTTPError) as error:
            raise self._translated(error) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ModelError(f"The reply could not be read: {error}", retry_after=1.0) from error

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.close()

    def _translated(self, error: Exception) -> Exception:
        """Our error for one of the SDK's; what the gate refused comes out unwrapped."""
        cause = error.__cause__
        if isinstance(cause, (NoReservation, CapReached, StoreError, ModelError)):
            return cause
        if isinstance(error, self._errors.APIStatusError):
            return _refused(error.status_code, error.message, error.response.headers.get("retry-after", ""))
        never_sent = isinstance(cause, (self._network.ConnectError, self._network.ConnectTimeout))
        return ModelError(
            f"The connection to the provider failed: {cause or error}", retry_after=1.0, unbilled=never_sent
        )


@contextlib.contextmanager
def _without(variable: str) -> Generator[None, None, None]:
    """Hides an environment variable that the SDK reads and offers no other way to ignore."""
    value = os.environ.pop(variable, None)
    try:
        yield
    finally:
        if value is not None:
            os.environ[variable] = value


def _refused(status: int, message: str, waits: str) -> ModelError:
    """What an answer other than a reply means; an error in the middle of a reply has status 200."""
    retryable = status in {200, 408, 409, 429} or status >= 500
    seconds = float(waits) if waits.replace(".", "", 1).isdecimal() else 1.0
    return ModelError(
        f"The provider answered {status}: {message}",
        status=status,
        unbilled=400 <= status < 500 or status == 529,
        retry_after=seconds if retryable else None,
    )
