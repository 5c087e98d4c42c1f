"""The Messages API through the `anthropic` SDK: one request, one stream, no retries.

The SDK is imported on first use (about a second). Its HTTP client is ours, so that every request passes
the spend gate's transport; key and base URL are given explicitly, since environment variables could
redirect a key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from gastown_desktop.core.errors import CapReached, ModelError, NoReservation, StoreError
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.spend_gate import request_body

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic

RESERVATION_HEADER = "x-gastown-reservation"
"""Carries the reservation's id to the transport, which takes it off again."""


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
        self._client: AsyncAnthropic = anthropic.AsyncAnthropic(
            api_key=api_key, base_url=base_url, http_client=http, max_retries=0
        )

    async def stream(self, request: ModelRequest, *, reservation: str) -> AsyncIterator[Mapping[str, object]]:
        """Sends one request and yields its raw events.

        Raises:
            NoReservation, CapReached, StoreError: refused by the spend gate before it left.
            ModelError: the provider or the connection failed.
        """
        parameters = cast("Any", request_body(request))
        try:
            stream = await self._client.messages.create(
                **parameters, extra_headers={RESERVATION_HEADER: reservation}
            )
            async with stream:
                async for event in stream:
                    yield event.model_dump(mode="json", exclude_none=True)
        except self._errors.APIError as error:
            raise self._translated(error) from error

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.close()

    def _translated(self, error: Exception) -> Exception:
        """Our error for one of the SDK's; what the gate refused comes out unwrapped."""
        cause = error.__cause__
        if isinstance(cause, (NoReservation, CapReached, StoreError, ModelError)):
            return cause
        if isinstance(error, self._errors.APIStatusError):
            status = error.status_code
            waits = error.response.headers.get("retry-after", "")
            retryable = status in {408, 409, 429} or status >= 500
            return ModelError(
                f"The provider answered {status}: {error.message}",
                status=status,
                unbilled=status < 500 or status == 529,
                retry_after=(float(waits) if waits.replace(".", "", 1).isdigit() else 1.0)
                if retryable
                else None,
            )
        return ModelError(f"The connection to the provider failed: {error}", retry_after=1.0)
